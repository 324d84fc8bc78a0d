-- one row per customer at the as-of date: the score that `churn run` publishes
{{ config(materialized='view') }}
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

scores as (

    select * from {{ ref('int_customer_scores') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

scores_to_publish as (

    select
        scores.as_of_date,
        scores.ruleset,
        '{{ configuration_fingerprint() }}' as configuration,
        scores.customer_id,
        scores.account_id,
        customers.start_date,
        scores.is_active,
        customers.arr,
        customers.plan_tier,
        scores.risk_score,
        scores.risk_level,
        scores.dated_points,
        scores.churn_intent_30d,
        scores.top_reasons
    from scores
    inner join as_of_dates on scores.as_of_date = as_of_dates.as_of_date
    inner join customers on scores.customer_id = customers.customer_id

)

select * from scores_to_publish
