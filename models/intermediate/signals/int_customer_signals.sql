-- one row per as-of date and customer who has started by then: every signal that a rule may read
with

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

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

customer_intents as (

    select
        as_of_dates.as_of_date,
        churn_intents.customer_id,
        count(*) as churn_intent_30d
    from churn_intents
    -- fan-out: a message is in the windows of several as-of dates
    inner join as_of_dates
        on {{ in_current_window('churn_intents.intent_date', 'as_of_dates.as_of_date') }}
    inner join customers on churn_intents.customer_id = customers.customer_id
    where {{ is_about_customer('churn_intents', 'customers', 'as_of_dates.as_of_date') }}
    group by as_of_dates.as_of_date, churn_intents.customer_id

),

signals as (

    select
        as_of_dates.as_of_date,
        customers.customer_id,
        customers.account_id,

        {{ days_between('customers.start_date', 'as_of_dates.as_of_date') }} as tenure_days,
        {{ runs_on('customers.end_date', 'as_of_dates.as_of_date') }} as is_active,
        coalesce(customers.first_churn_date <= as_of_dates.as_of_date, false) as churned,
        -- undated: the source only gives today's flags
        customers.is_trial,
        customers.downgrade_flag,
        coalesce(customer_intents.churn_intent_30d, 0) as churn_intent_30d,

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

        case
            when customer_usage.customer_id is not null and account_support.account_id is not null
                then 'usage and support'
            when customer_usage.customer_id is not null then 'usage only'
            when account_support.account_id is not null then 'support only'
            else 'none'
        end as signal_coverage
    from customers
    -- one row per as-of date from here on, starting when the customer started
    inner join as_of_dates on customers.start_date <= as_of_dates.as_of_date
    left join customer_usage
        on as_of_dates.as_of_date = customer_usage.as_of_date
        and customers.customer_id = customer_usage.customer_id
    -- the tickets of an account count for each of its customers
    left join account_support
        on as_of_dates.as_of_date = account_support.as_of_date
        and customers.account_id = account_support.account_id
    left join customer_intents
        on as_of_dates.as_of_date = customer_intents.as_of_date
        and customers.customer_id = customer_intents.customer_id

)

select * from signals
