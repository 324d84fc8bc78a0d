-- one row per evaluation: how well an engine read labelled messages
with

enrichment_quality as (

    select
        evaluation_id,
        evaluated_at,
        engine,
        model,
        prompt_version,
        data_set,
        messages,
        valid_answers,
        intent_precision,
        intent_recall,
        intent_f1,
        category_accuracy,
        sentiment_accuracy,
        json_validity,
        latency_p50_ms,
        latency_p95_ms
    from {{ ref('stg_store__enrichment_evaluations') }}

)

select * from enrichment_quality
order by evaluated_at desc, evaluation_id
