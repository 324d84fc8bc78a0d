-- signals contain no more than the staged rows up to the as-of date explain
with

expected_usage as (

    select
        customers.as_of_date,
        customers.customer_id,
        count(*) as usage_rows,
        sum(usage_rows.usage_count) as usage_count,
        coalesce(sum(usage_rows.error_count), 0) as error_count
    from {{ ref('int_customer_signals') }} as customers
    inner join {{ ref('stg_saas__feature_usage') }} as usage_rows
        on customers.customer_id = usage_rows.subscription_id
        and usage_rows.usage_date <= customers.as_of_date
    group by customers.as_of_date, customers.customer_id

),

-- a ticket without a closing date counts from its submission
tickets as (

    select
        account_id,
        satisfaction_score,
        cast(submitted_at as date) as submitted_date,
        cast(coalesce(closed_at, submitted_at) as date) as closed_date
    from {{ ref('stg_saas__support_tickets') }}

),

expected_support as (

    select
        customers.as_of_date,
        customers.customer_id,
        count(*) as tickets,
        min(tickets.satisfaction_score) filter (
            where tickets.closed_date <= customers.as_of_date
        ) as lowest_score,
        max(tickets.satisfaction_score) filter (
            where tickets.closed_date <= customers.as_of_date
        ) as highest_score
    from {{ ref('int_customer_signals') }} as customers
    inner join tickets
        on customers.account_id = tickets.account_id
        and tickets.submitted_date <= customers.as_of_date
    group by customers.as_of_date, customers.customer_id

),

last_churns as (

    select
        customers.as_of_date,
        customers.customer_id,
        count(*) as churn_events
    from {{ ref('int_customer_signals') }} as customers
    inner join {{ ref('stg_saas__churn_events') }} as churn_events
        on customers.account_id = churn_events.account_id
        and churn_events.churn_date <= customers.as_of_date
    group by customers.as_of_date, customers.customer_id

)

select signals.*
from {{ ref('int_customer_signals') }} as signals
left join expected_usage
    on signals.as_of_date = expected_usage.as_of_date
    and signals.customer_id = expected_usage.customer_id
left join expected_support
    on signals.as_of_date = expected_support.as_of_date
    and signals.customer_id = expected_support.customer_id
left join last_churns
    on signals.as_of_date = last_churns.as_of_date
    and signals.customer_id = last_churns.customer_id
where
    signals.tenure_days < 0
    or signals.usage_rows_60d > coalesce(expected_usage.usage_rows, 0)
    or signals.usage_30d + signals.usage_prev30d > coalesce(expected_usage.usage_count, 0)
    or signals.errors_30d > coalesce(expected_usage.error_count, 0)
    or signals.tickets_30d > coalesce(expected_support.tickets, 0)
    or signals.satisfaction_score < expected_support.lowest_score
    or signals.satisfaction_score > expected_support.highest_score
    or (signals.satisfaction_score is not null and expected_support.lowest_score is null)
    or signals.churned != (last_churns.churn_events is not null)
