-- one row per as-of date and customer: every signal that a rule may read
{{ config(
    materialized=grown_table(),
    incremental_strategy='delete+insert',
    unique_key=['as_of_date', 'customer_id'],
    post_hook="{{ forget_other_customers() }}",
    meta={'grows_with': ['feature_usage', 'support_tickets']},
) }}
with

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

as_of_windows as (

    select * from {{ ref('int_as_of_windows') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

customer_usage as (

    select * from {{ ref('int_customer_usage') }}

),

account_support as (

    select * from {{ ref('int_account_support') }}

),

churn_intents as (

    select * from {{ ref('int_customer_churn_intents') }}

),

{{ customer_intents_in_window() }},

{% if is_incremental() -%}
{{ pending_scores() }},

{% endif -%}
signals as (

    select
        as_of_dates.as_of_date,
        customers.customer_id,
        customers.account_id,

        {{ days_between('customers.start_date', 'as_of_dates.as_of_date') }} as tenure_days,
        coalesce(customer_usage.usage_30d, 0) as usage_30d,
        coalesce(customer_usage.usage_prev30d, 0) as usage_prev30d,
        {{ exact_ratio(
            'customer_usage.usage_prev30d - customer_usage.usage_30d', 'customer_usage.usage_prev30d'
        ) }} as usage_drop_pct,
        coalesce(customer_usage.usage_rows_60d, 0) as usage_rows_60d,
        coalesce(customer_usage.errors_30d, 0) as errors_30d,

        coalesce(account_support.tickets_30d, 0) as tickets_30d,
        coalesce(account_support.escalations_30d, 0) as escalations_30d,
        account_support.satisfaction_score,
        account_support.avg_csat,
        account_support.avg_first_response_min,
        account_support.avg_resolution_hrs,

        coalesce(customer_intents.churn_intent_30d, 0) as churn_intent_30d,

        case
            when customer_usage.customer_id is not null and account_support.account_id is not null
                then 'usage and support'
            when customer_usage.customer_id is not null then 'usage only'
            when account_support.account_id is not null then 'support only'
            else 'none'
        end as signal_coverage,

        {{ runs_on('customers.end_date', 'as_of_dates.as_of_date') }} as is_active,
        {{ has_churned('customers.first_churn_date', 'as_of_dates.as_of_date') }} as churned,
        -- undated: what is true today
        customers.is_trial,
        customers.downgrade_flag,

        as_of_windows.window_usage_rows,
        as_of_windows.window_tickets,
        {{ fingerprint() }}
    from customers
    -- one row a date from here on, from the customer's start
    inner join as_of_dates on customers.start_date <= as_of_dates.as_of_date
    {%- if is_incremental() %}
    inner join pending
        on customers.customer_id = pending.customer_id
        and as_of_dates.as_of_date = pending.as_of_date
    {%- endif %}
    left join as_of_windows on as_of_dates.as_of_date = as_of_windows.as_of_date
    left join customer_usage
        on as_of_dates.as_of_date = customer_usage.as_of_date
        and customers.customer_id = customer_usage.customer_id
    -- an account's tickets count for each of its customers
    left join account_support
        on as_of_dates.as_of_date = account_support.as_of_date
        and customers.account_id = account_support.account_id
    left join customer_intents
        on as_of_dates.as_of_date = customer_intents.as_of_date
        and customers.customer_id = customer_intents.customer_id

)

select * from signals
