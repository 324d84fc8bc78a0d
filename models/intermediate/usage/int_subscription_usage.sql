-- one row per subscription with usage: its first and last day of usage
with

daily_usage as (

    select * from {{ ref('int_daily_usage') }}

),

subscription_usage as (

    select
        subscription_id,
        min(usage_date) as first_usage_date,
        max(usage_date) as last_usage_date
    from daily_usage
    group by subscription_id

)

select * from subscription_usage
