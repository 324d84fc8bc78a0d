-- one row per as-of date: the dates the scores speak for
with

subscriptions as (

    select * from {{ ref('stg_saas__subscriptions') }}

),

feature_usage as (

    select * from {{ ref('stg_saas__feature_usage') }}

),

usage_dates as (

    select feature_usage.usage_date
    from feature_usage
    inner join subscriptions on feature_usage.subscription_id = subscriptions.subscription_id
    group by feature_usage.usage_date

),

latest as (

    select max(usage_date) as usage_date
    from usage_dates

),

before_latest as (

    select max(usage_dates.usage_date) as usage_date
    from usage_dates
    inner join latest on usage_dates.usage_date < latest.usage_date

),

last_two as (

    select
        latest.usage_date,
        before_latest.usage_date as usage_date_before,
        {{ days_between('before_latest.usage_date', 'latest.usage_date') }} as gap_days
    from latest
    cross join before_latest

),

as_of_dates as (

    select {{ as_of_date() }} as as_of_date
    from last_two

)

select * from as_of_dates
