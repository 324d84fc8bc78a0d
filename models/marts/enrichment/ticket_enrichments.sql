-- one row per message and engine: the latest answer, otherwise the latest error
with

ticket_enrichments as (

    select
        result_id,
        run_id,
        message_id,
        engine,
        source_file,
        ticket_id,
        account_id,
        subscription_id,
        customer_id,
        submitted_at,
        queue,
        priority,
        ticket_type,
        ticket_language,
        summary,
        category,
        sentiment,
        churn_intent,
        signals,
        recommended_action,
        language,
        error,
        model,
        prompt_version,
        schema_version,
        text_hash,
        cache_key,
        latency_ms,
        attempts,
        created_at
    from {{ ref('int_ticket_enrichments') }}

)

select * from ticket_enrichments
