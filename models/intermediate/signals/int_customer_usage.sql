-- one row per as-of date and customer with usage rows in either window
with

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

feature_usage as (

    select * from {{ ref('stg_saas__feature_usage') }}

),

daily_usage as (

    select
        subscription_id,
        usage_date,
        count(*) as usage_rows,
        sum(usage_count) as usage_count,
        coalesce(sum(error_count), 0) as error_count
    from feature_usage
    group by subscription_id, usage_date

),

windowed as (

    select
        as_of_dates.as_of_date,
        daily_usage.subscription_id as customer_id,
        daily_usage.usage_rows,
        daily_usage.usage_count,
        daily_usage.error_count,
        {{ in_current_window('daily_usage.usage_date', 'as_of_dates.as_of_date') }} as is_current,
        {{ in_prior_window('daily_usage.usage_date', 'as_of_dates.as_of_date') }} as is_prior
    from daily_usage
    -- a day falls into the windows of several as-of dates
    inner join as_of_dates
        on {{ in_both_windows('daily_usage.usage_date', 'as_of_dates.as_of_date') }}

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
