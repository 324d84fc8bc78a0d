-- one row per as-of date and customer with usage rows in either window
with

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

daily_usage as (

    select * from {{ ref('int_daily_usage') }}

),

usage_days as (

    select * from {{ ref('int_usage_days') }}

),

window_days as (

    select
        as_of_dates.as_of_date,
        usage_days.usage_date,
        {{ in_current_window('usage_days.usage_date', 'as_of_dates.as_of_date') }} as is_current,
        {{ in_prior_window('usage_days.usage_date', 'as_of_dates.as_of_date') }} as is_prior
    from usage_days
    -- fan-out: a day is in the windows of several as-of dates
    inner join as_of_dates
        on {{ in_both_windows('usage_days.usage_date', 'as_of_dates.as_of_date') }}

),

windowed as (

    select
        window_days.as_of_date,
        daily_usage.subscription_id as customer_id,
        daily_usage.usage_rows,
        daily_usage.usage_count,
        daily_usage.error_count,
        window_days.is_current,
        window_days.is_prior
    from daily_usage
    -- one row per as-of date whose windows include the day
    inner join window_days on daily_usage.usage_date = window_days.usage_date

),

customer_usage as (

    select
        as_of_date,
        customer_id,
        cast(coalesce(sum(usage_count) filter (where is_current), 0) as bigint) as usage_30d,
        cast(coalesce(
            sum(usage_count) filter (where is_prior), 0
        ) as bigint) as usage_prev30d,
        cast(sum(usage_rows) as bigint) as usage_rows_60d,
        cast(coalesce(sum(error_count) filter (where is_current), 0) as bigint) as errors_30d
    from windowed
    group by as_of_date, customer_id

)

select * from customer_usage
