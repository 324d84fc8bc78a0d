-- one row per customer (a subscription of a known account that has started by the as-of date)
with

scores as (

    select * from {{ ref('int_customer_scores') }}

),

customer_risk as (

    select
        customer_id,
        account_id,
        account_name,
        industry,
        country,
        referral_source,
        signup_date,
        csm_name,
        plan_tier,
        seats,
        arr,
        mrr,
        billing_frequency,
        auto_renew_flag,
        renewal_date,
        start_date,
        end_date,
        is_active,
        is_trial,
        churned,
        tenure_days,
        usage_30d,
        usage_prev30d,
        {{ published_ratio('usage_drop_pct') }} as usage_drop_pct,
        usage_rows_60d,
        errors_30d,
        tickets_30d,
        escalations_30d,
        satisfaction_score,
        avg_csat,
        avg_first_response_min,
        avg_resolution_hrs,
        churn_intent_30d,
        upgrade_flag,
        downgrade_flag,
        signal_coverage,
        usage_evidence,
        ruleset,
        risk_score,
        risk_level,
        top_reasons,
        recommended_actions,
        as_of_date as usage_window_end,
        as_of_date as support_window_end
    from scores

)

select * from customer_risk
order by customer_id
