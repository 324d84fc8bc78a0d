-- one row per result: what an engine read in a message, or why it could not
with

source as (

    {{ stored_rows('enrichment/results', {
        'result_id': 'string',
        'run_id': 'string',
        'message_id': 'string',
        'source_file': 'string',
        'is_from_data': 'boolean',
        'ticket_id': 'string',
        'account_id': 'string',
        'subscription_id': 'string',
        'customer_id': 'string',
        'submitted_at': 'string',
        'match_keys': 'string',
        'queue': 'string',
        'priority': 'string',
        'ticket_type': 'string',
        'ticket_language': 'string',
        'engine': 'string',
        'model': 'string',
        'prompt_version': 'string',
        'schema_version': 'string',
        'text_hash': 'string',
        'cache_key': 'string',
        'summary': 'string',
        'category': 'string',
        'sentiment': 'string',
        'churn_intent': 'boolean',
        'signals': 'string',
        'recommended_action': 'string',
        'language': 'string',
        'latency_ms': 'bigint',
        'attempts': 'int',
        'error': 'string',
        'created_at': 'timestamp',
    }, always_known=['message_id', 'source_file', 'is_from_data', 'engine', 'cache_key', 'created_at']) | indent(4) }}

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
    -- merged files may briefly exist beside their parts
    qualify row_number() over (partition by result_id order by created_at) = 1

)

select * from renamed
