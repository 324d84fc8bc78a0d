-- one row per result: what an engine read in a message, or why it could not
with

source as (

    {{ stored_rows('enrichment/results', {
        'result_id': 'varchar',
        'run_id': 'varchar',
        'message_id': 'varchar',
        'source_file': 'varchar',
        'is_from_data': 'boolean',
        'ticket_id': 'varchar',
        'account_id': 'varchar',
        'subscription_id': 'varchar',
        'customer_id': 'varchar',
        'submitted_at': 'varchar',
        'match_keys': 'varchar',
        'queue': 'varchar',
        'priority': 'varchar',
        'ticket_type': 'varchar',
        'ticket_language': 'varchar',
        'engine': 'varchar',
        'model': 'varchar',
        'prompt_version': 'varchar',
        'schema_version': 'varchar',
        'text_hash': 'varchar',
        'cache_key': 'varchar',
        'summary': 'varchar',
        'category': 'varchar',
        'sentiment': 'varchar',
        'churn_intent': 'boolean',
        'signals': 'varchar',
        'recommended_action': 'varchar',
        'language': 'varchar',
        'latency_ms': 'bigint',
        'attempts': 'int',
        'error': 'varchar',
        'created_at': 'timestamp',
    }) | indent(4) }}

),

renamed as (

    select
        -- ids
        result_id,
        run_id,
        message_id,
        {{ trimmed('ticket_id') }} as ticket_id,
        {{ trimmed('account_id') }} as account_id,
        {{ trimmed('subscription_id') }} as subscription_id,
        {{ trimmed('customer_id') }} as customer_id,

        -- text
        source_file,
        match_keys,
        queue,
        priority,
        ticket_type,
        ticket_language,
        engine,
        model,
        prompt_version,
        schema_version,
        text_hash,
        cache_key,
        summary,
        category,
        sentiment,
        signals,
        recommended_action,
        language,
        error,

        -- numbers
        latency_ms,
        attempts,

        -- booleans
        coalesce(is_from_data, false) as is_from_data,
        churn_intent,

        -- dates
        {{ read_value(trimmed('submitted_at'), 'timestamp') }} as submitted_at,
        created_at

    from source
    -- files that were put together may for a moment stand beside their parts
    qualify row_number() over (partition by result_id order by created_at) = 1

)

select * from renamed
