-- one row: the state of the customer base at the as-of date
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

customer_risk as (

    select * from {{ ref('customer_risk') }}

),

feed_freshness as (

    select * from {{ ref('feed_freshness') }}

),

as_of_year as (

    select
        as_of_date,
        {{ months_before('as_of_date', 12) }} as year_start
    from as_of_dates

),

-- churn over subscriptions active 12 months before the as-of date, or started since
last_year as (

    select
        count(*) as customers,
        count(*) filter (
            where customer_risk.end_date between as_of_year.year_start + 1 and as_of_year.as_of_date
        ) as ended
    from customer_risk
    cross join as_of_year
    where
        customer_risk.end_date is null
        or customer_risk.end_date > as_of_year.year_start
        or customer_risk.start_date > as_of_year.year_start

),

totals as (

    select
        count(*) as customers,
        count(*) filter (where is_active) as active_customers,
        count(distinct account_id) as accounts,
        count(*) filter (where churned) as churned_customers,
        count(*) filter (where risk_level = 'High') as high_risk_customers,
        count(*) filter (where risk_level = 'Medium') as medium_risk_customers,
        {{ average('arr') }} as avg_arr,
        cast(coalesce(sum(arr), 0) as decimal(18, 2)) as total_arr,
        {{ arr_at_risk() | indent(8) }} as arr_at_risk,
        count(*) filter (where signal_coverage = 'none') as customers_without_signals
    from customer_risk

),

last_dates as (

    select
        max(last_date) filter (where table_name = 'feature_usage') as usage_last_date,
        max(last_date) filter (where table_name = 'support_tickets') as support_last_date
    from feed_freshness

),

executive_summary as (

    select
        totals.customers,
        totals.active_customers,
        totals.accounts,
        {{ share('totals.churned_customers', 'totals.customers') }} as churn_rate,
        {{ share('last_year.ended', 'last_year.customers') }} as subscriptions_ended_12m_pct,
        totals.high_risk_customers,
        {{ share('totals.high_risk_customers', 'totals.customers') }} as high_risk_pct,
        totals.medium_risk_customers,
        totals.avg_arr,
        totals.total_arr,
        totals.arr_at_risk,
        totals.customers_without_signals,
        as_of_year.as_of_date as usage_window_end,
        as_of_year.as_of_date as support_window_end,
        last_dates.usage_last_date,
        last_dates.support_last_date,
        '{{ var("risk_ruleset") }}' as ruleset
    from totals
    cross join last_year
    cross join as_of_year
    cross join last_dates

)

select * from executive_summary
