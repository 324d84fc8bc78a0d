-- one row per history date and customer: the score computed from the rows known by that date; a
-- view, because the scores are stored elsewhere and ARR and plan are today's
{{ config(materialized='view') }}
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_history

),

scores as (

    select * from {{ ref('int_customer_scores') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

customer_risk_history as (

    select
        scores.customer_id,
        scores.account_id,
        scores.as_of_date,
        scores.is_active,
        customers.arr,
        customers.plan_tier,
        scores.tenure_days,
        scores.usage_30d,
        scores.usage_prev30d,
        {{ published_ratio('scores.usage_drop_pct') }} as usage_drop_pct,
        scores.usage_rows_60d,
        scores.errors_30d,
        scores.tickets_30d,
        scores.escalations_30d,
        scores.satisfaction_score,
        scores.avg_csat,
        scores.avg_first_response_min,
        scores.avg_resolution_hrs,
        scores.churn_intent_30d,
        scores.downgrade_flag,
        scores.is_trial,
        scores.signal_coverage,
        scores.usage_evidence,
        scores.ruleset,
        scores.risk_score,
        scores.risk_level,
        scores.top_reasons
    from scores
    inner join as_of_dates on scores.as_of_date = as_of_dates.as_of_date
    inner join customers on scores.customer_id = customers.customer_id

)

select * from customer_risk_history
order by as_of_date, customer_id
