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

    select
        max(usage_date) as usage_date,
        count(*) as dates
    from usage_dates

),

before_latest as (

    select max(usage_dates.usage_date) as usage_date
    from usage_dates
    inner join latest on usage_dates.usage_date < latest.usage_date

),

as_of_dates as (

    select
        {% if configured_as_of_date() is not none -%}
        cast('{{ configured_as_of_date() }}' as date) as as_of_date
        {%- else -%}
        case
            when latest.usage_date is null
                then {{ stop_build(
                    "'No usage row belongs to a known subscription, so there is no date to score for. '"
                    ~ " || 'Check subscription_id in feature_usage, or set the variable as_of_date.'"
                ) }}
            when {{ days_between('before_latest.usage_date', 'latest.usage_date') }} > {{ max_usage_gap_days() }}
                then {{ stop_build(
                    "'The latest usage date, ' || cast(latest.usage_date as varchar) || ', lies '"
                    ~ " || cast(" ~ days_between('before_latest.usage_date', 'latest.usage_date') ~ " as varchar)"
                    ~ " || ' days after the one before it, ' || cast(before_latest.usage_date as varchar)"
                    ~ " || '. If it is a typo, mend it or set the variable as_of_date to the date to score for.'"
                ) }}
            else latest.usage_date
        end as as_of_date
        {%- endif %}
    from latest
    cross join before_latest

)

select * from as_of_dates
