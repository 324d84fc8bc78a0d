-- one row per published date and customer: the score that people saw at the time
with

published_scores as (

    select
        as_of_date,
        customer_id,
        account_id,
        ruleset,
        configuration,
        is_active,
        arr,
        plan_tier,
        risk_score,
        risk_level,
        top_reasons,
        published_at
    from {{ ref('int_published_scores') }}

)

select * from published_scores
order by as_of_date, customer_id
