-- one row per evaluation of an engine on labelled messages
with

source as (

    {{ stored_rows('enrichment/quality', {
        'evaluation_id': 'string',
        'evaluated_at': 'timestamp',
        'engine': 'string',
        'model': 'string',
        'prompt_version': 'string',
        'data_set': 'string',
        'messages': 'bigint',
        'valid_answers': 'bigint',
        'intent_precision': 'decimal(18, 6)',
        'intent_recall': 'decimal(18, 6)',
        'intent_f1': 'decimal(18, 6)',
        'category_accuracy': 'decimal(18, 6)',
        'sentiment_accuracy': 'decimal(18, 6)',
        'json_validity': 'decimal(18, 6)',
        'latency_p50_ms': 'bigint',
        'latency_p95_ms': 'bigint',
    }, always_known=['evaluation_id', 'evaluated_at', 'engine', 'model']) | indent(4) }}

),

renamed as (

    select
        -- ids
        evaluation_id,

        -- text
        engine,
        model,
        prompt_version,
        data_set,

        -- numbers
        messages,
        valid_answers,
        intent_precision,
        intent_recall,
        intent_f1,
        category_accuracy,
        sentiment_accuracy,
        json_validity,
        latency_p50_ms,
        latency_p95_ms,

        -- dates
        evaluated_at

    from source
    -- merged files may briefly exist beside their parts
    qualify row_number() over (partition by evaluation_id order by evaluated_at) = 1

)

select * from renamed
