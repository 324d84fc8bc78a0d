-- one row per customer (a subscription of a known account that has started by the as-of date)
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

movements as (

    select * from {{ ref('int_customer_movements') }}

),

customer_risk as (

    select
        scores.customer_id,
        scores.account_id,
        customers.account_name,
        customers.industry,
        customers.country,
        customers.referral_source,
        customers.signup_date,
        customers.csm_name,
        customers.plan_tier,
        customers.seats,
        customers.arr,
        customers.mrr,
        customers.billing_frequency,
        customers.auto_renew_flag,
        customers.renewal_date,
        customers.start_date,
        customers.end_date,
        scores.is_active,
        customers.is_trial,
        scores.churned,
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
        customers.upgrade_flag,
        customers.downgrade_flag,
        scores.signal_coverage,
        scores.usage_evidence,
        scores.ruleset,
        scores.risk_score,
        scores.risk_level,
        movements.risk_score_prev_week,
        scores.risk_score - movements.risk_score_prev_week as risk_score_change,
        movements.weeks_at_risk,
        movements.first_at_risk_date,
        scores.top_reasons,
        scores.recommended_actions,
        scores.as_of_date as usage_window_end,
        scores.as_of_date as support_window_end
    from scores
    inner join as_of_dates on scores.as_of_date = as_of_dates.as_of_date
    inner join customers on scores.customer_id = customers.customer_id
    inner join movements on scores.customer_id = movements.customer_id

)

select * from customer_risk
order by customer_id
