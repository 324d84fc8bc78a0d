-- one row per day with usage
with

daily_usage as (

    select * from {{ ref('int_daily_usage') }}

),

usage_days as (

    select
        usage_date,
        cast(sum(usage_rows) as bigint) as usage_rows
    from daily_usage
    group by usage_date

)

select * from usage_days
