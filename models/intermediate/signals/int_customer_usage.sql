-- one row per as-of date and customer with usage rows in either window
{{ config(
    materialized=grown_table(),
    incremental_strategy='delete+insert',
    unique_key='as_of_date',
    post_hook="{{ forget_other_dates() }}",
) }}
-- depends_on: {{ ref('int_as_of_windows') }}, for the dates that late rows touch
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
    -- a day falls into the windows of several as-of dates
    inner join as_of_dates
        on {{ in_both_windows('usage_days.usage_date', 'as_of_dates.as_of_date') }}

),

{% if is_incremental() -%}
as_of_windows as (

    select * from {{ ref('int_as_of_windows') }}

),

built_windows as (

    select
        as_of_date,
        sum(usage_rows_60d) as usage_rows
    from {{ this }}
    group by as_of_date

),

-- the dates that are new, and those that late rows touch
open_dates as (

    select as_of_windows.as_of_date
    from as_of_windows
    left join built_windows on as_of_windows.as_of_date = built_windows.as_of_date
    where as_of_windows.window_usage_rows != coalesce(built_windows.usage_rows, 0)

),

{% endif -%}
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
    -- one row a date whose windows hold the day
    inner join window_days on daily_usage.usage_date = window_days.usage_date
    {%- if is_incremental() %}
    inner join open_dates on window_days.as_of_date = open_dates.as_of_date
    {%- endif %}

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
        cast(coalesce(sum(error_count) filter (where is_current), 0) as bigint) as errors_30d,
        {{ fingerprint() }}
    from windowed
    group by as_of_date, customer_id

)

select * from customer_usage
