-- one row per month and reason code of the churn events dated on or before the as-of date
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

churn_events as (

    select * from {{ ref('stg_saas__churn_events') }}

),

churn_reasons_by_month as (

    select
        cast(date_trunc('month', churn_events.churn_date) as date) as month,
        coalesce(churn_events.reason_code, 'unknown') as reason_code,
        {{ churn_profile() | indent(8) }}
    from churn_events
    inner join as_of_dates on churn_events.churn_date <= as_of_dates.as_of_date
    group by 1, 2

)

select * from churn_reasons_by_month
order by month, reason_code
