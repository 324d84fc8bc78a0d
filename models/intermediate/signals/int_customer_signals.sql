-- one row per as-of date and customer: every signal that a rule may read
{{ config(
    materialized=grown_table(),
    incremental_strategy='delete+insert',
    unique_key=['as_of_date', 'customer_id'],
    post_hook="{{ forget_other_customers() }}",
    meta={'grows_with': ['feature_usage', 'support_tickets']},
) }}
{#- what does not follow from the rows in the windows: a build looks whether it is what it was -#}
{%- set of_customer = {
    'account_id': 'customers.account_id',
    'tenure_days': days_between('customers.start_date', 'as_of_dates.as_of_date'),
    'churn_intent_30d': 'coalesce(customer_intents.churn_intent_30d, 0)',
    'is_active': runs_on('customers.end_date', 'as_of_dates.as_of_date'),
    'churned': has_churned('customers.first_churn_date', 'as_of_dates.as_of_date'),
    'is_trial': 'customers.is_trial',
    'downgrade_flag': 'customers.downgrade_flag',
} %}
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
    -- a message falls into the windows of several as-of dates
    inner join as_of_dates
        on {{ in_current_window('churn_intents.intent_date', 'as_of_dates.as_of_date') }}
    inner join customers on churn_intents.customer_id = customers.customer_id
    where {{ is_about_customer('churn_intents', 'customers', 'as_of_dates.as_of_date') }}
    group by as_of_dates.as_of_date, churn_intents.customer_id

),

-- not from the imports above: engines keep the whole of one that is used twice
usage_windows as (

    select
        as_of_date,
        cast(sum(usage_rows_60d) as bigint) as usage_rows
    from {{ ref('int_customer_usage') }}
    group by as_of_date

),

support_windows as (

    select
        as_of_date,
        cast(sum(tickets_30d) as bigint) as tickets
    from {{ ref('int_account_support') }}
    group by as_of_date

),

windows as (

    select
        as_of_dates.as_of_date,
        coalesce(usage_windows.usage_rows, 0) as window_usage_rows,
        coalesce(support_windows.tickets, 0) as window_tickets
    from as_of_dates
    left join usage_windows on as_of_dates.as_of_date = usage_windows.as_of_date
    left join support_windows on as_of_dates.as_of_date = support_windows.as_of_date

),

{% if is_incremental() -%}
built_windows as (

    select
        as_of_date,
        min(window_usage_rows) as fewest_usage_rows,
        max(window_usage_rows) as window_usage_rows,
        min(window_tickets) as fewest_tickets,
        max(window_tickets) as window_tickets
    from {{ this }}
    group by as_of_date

),

-- rows are only added to a data set: windows with as many as before hold the same ones
kept_dates as (

    select windows.as_of_date
    from windows
    inner join built_windows
        on windows.as_of_date = built_windows.as_of_date
        and windows.window_usage_rows = built_windows.fewest_usage_rows
        and windows.window_usage_rows = built_windows.window_usage_rows
        and windows.window_tickets = built_windows.fewest_tickets
        and windows.window_tickets = built_windows.window_tickets

),

open_dates as (

    select windows.as_of_date
    from windows
    left join kept_dates on windows.as_of_date = kept_dates.as_of_date
    where kept_dates.as_of_date is null

),

built as (

    select earlier.*
    from {{ this }} as earlier
    inner join kept_dates on earlier.as_of_date = kept_dates.as_of_date

),

changed_customers as (

    select customers.customer_id
    from customers
    -- a row a date; none where nobody knew the customer
    left join built on customers.customer_id = built.customer_id
    left join as_of_dates on built.as_of_date = as_of_dates.as_of_date
    left join customer_intents
        on built.as_of_date = customer_intents.as_of_date
        and built.customer_id = customer_intents.customer_id
    where
        customers.start_date <= (select max(kept_dates.as_of_date) from kept_dates)
        and (
            built.customer_id is null
            {%- for column, value in of_customer.items() %}
            or built.{{ column }} is distinct from {{ value }}
            {%- endfor %}
        )
    group by customers.customer_id

),

rows_to_compute as (

    select
        open_dates.as_of_date,
        customers.customer_id
    from open_dates
    cross join customers

    union all

    select
        kept_dates.as_of_date,
        changed_customers.customer_id
    from kept_dates
    cross join changed_customers

),

{% endif -%}
signals as (

    select
        as_of_dates.as_of_date,
        customers.customer_id,
        -- undated ones among them, such as flags, say what is true today
        {%- for column, value in of_customer.items() %}
        {{ value }} as {{ column }},
        {%- endfor %}

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
        end as signal_coverage,

        windows.window_usage_rows,
        windows.window_tickets,
        {{ fingerprint() }}
    from customers
    -- one row a date from here on, from the customer's start
    inner join as_of_dates on customers.start_date <= as_of_dates.as_of_date
    {%- if is_incremental() %}
    inner join rows_to_compute
        on customers.customer_id = rows_to_compute.customer_id
        and as_of_dates.as_of_date = rows_to_compute.as_of_date
    {%- endif %}
    inner join windows on as_of_dates.as_of_date = windows.as_of_date
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
