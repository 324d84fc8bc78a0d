-- the history's rows for the as-of date equal `customer_risk` in every shared column
{%- set columns = [
    'customer_id', 'account_id', 'is_active', 'arr', 'plan_tier', 'tenure_days', 'usage_30d',
    'usage_prev30d', 'usage_drop_pct', 'usage_rows_60d', 'errors_30d', 'tickets_30d',
    'escalations_30d', 'satisfaction_score', 'avg_csat', 'avg_first_response_min',
    'avg_resolution_hrs', 'churn_intent_30d', 'downgrade_flag', 'is_trial', 'signal_coverage',
    'usage_evidence', 'ruleset', 'risk_score', 'risk_level', 'top_reasons',
] %}
with

history as (

    select
        {%- for column in columns %}
        history.{{ column }},
        {%- endfor %}
        history.as_of_date
    from {{ ref('customer_risk_history') }} as history
    inner join {{ ref('int_as_of_dates') }} as as_of_dates
        on history.as_of_date = as_of_dates.as_of_date
        and as_of_dates.is_current

),

customer_risk as (

    select
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        usage_window_end as as_of_date
    from {{ ref('customer_risk') }}

)

(
    select * from history
    except
    select * from customer_risk
)
union all
(
    select * from customer_risk
    except
    select * from history
)
