-- one row per history date: the customer base on that date, and the change since a week earlier
{%- set metrics = {
    'customers': 'bigint', 'high': 'bigint', 'medium': 'bigint', 'low': 'bigint',
    'arr_at_risk': 'decimal(18, 2)', 'avg_risk_score': 'decimal(18, 6)',
    'usage_30d': 'bigint', 'tickets_30d': 'bigint', 'errors_30d': 'bigint',
} %}
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_history

),

history as (

    select * from {{ ref('customer_risk_history') }}

),

profiles as (

    select
        as_of_date,
        {{ risk_profile() | indent(8) }},
        cast(sum(usage_30d) as bigint) as usage_30d,
        cast(sum(errors_30d) as bigint) as errors_30d
    from history
    group by as_of_date

),

-- each ticket of an account counts once, no matter how many customers the account has
account_tickets as (

    select
        as_of_date,
        account_id,
        max(tickets_30d) as tickets_30d
    from history
    group by as_of_date, account_id

),

tickets as (

    select
        as_of_date,
        cast(sum(tickets_30d) as bigint) as tickets_30d
    from account_tickets
    group by as_of_date

),

states as (

    select
        as_of_dates.as_of_date,
        as_of_dates.previous_date,
        coalesce(profiles.customers, 0) as customers,
        coalesce(profiles.high, 0) as high,
        coalesce(profiles.medium, 0) as medium,
        coalesce(profiles.low, 0) as low,
        coalesce(profiles.arr_at_risk, 0) as arr_at_risk,
        profiles.avg_risk_score,
        coalesce(profiles.usage_30d, 0) as usage_30d,
        coalesce(tickets.tickets_30d, 0) as tickets_30d,
        coalesce(profiles.errors_30d, 0) as errors_30d
    from as_of_dates
    left join profiles on as_of_dates.as_of_date = profiles.as_of_date
    left join tickets on as_of_dates.as_of_date = tickets.as_of_date

),

risk_trend as (

    select
        {%- for metric, type in metrics.items() %}
        cast(states.{{ metric }} - earlier.{{ metric }} as {{ type }}) as {{ metric }}_change,
        {%- endfor %}
        states.*
    from states
    left join states as earlier on states.previous_date = earlier.as_of_date

)

select * from risk_trend
order by as_of_date
