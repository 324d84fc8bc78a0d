-- one row per as-of date: the dates to score, and the purpose of each
with

subscriptions as (

    select * from {{ ref('stg_saas__subscriptions') }}

),

daily_usage as (

    select * from {{ ref('int_daily_usage') }}

),

subscription_usage as (

    select * from {{ ref('int_subscription_usage') }}

),

published_scores as (

    select * from {{ ref('int_published_scores') }}

),

known_usage as (

    select subscription_usage.*
    from subscription_usage
    inner join subscriptions on subscription_usage.subscription_id = subscriptions.subscription_id

),

usage_span as (

    select
        min(first_usage_date) as first_usage_date,
        max(last_usage_date) as usage_date
    from known_usage

),

-- the last usage date of the subscriptions without usage on the latest day
last_date_of_others as (

    select max(known_usage.last_usage_date) as usage_date
    from known_usage
    inner join usage_span on known_usage.last_usage_date < usage_span.usage_date

),

-- usage dates between the two; there are none when many subscriptions are used every day
dates_between as (

    select daily_usage.usage_date
    from daily_usage
    inner join known_usage on daily_usage.subscription_id = known_usage.subscription_id
    where
        daily_usage.usage_date < (select usage_span.usage_date from usage_span)
        and daily_usage.usage_date > (
            select coalesce(last_date_of_others.usage_date, cast('0001-01-01' as date))
            from last_date_of_others
        )

),

earlier_dates as (

    select usage_date from last_date_of_others
    union all
    select usage_date from dates_between

),

before_latest as (

    select max(usage_date) as usage_date
    from earlier_dates

),

last_two as (

    select
        usage_span.first_usage_date,
        usage_span.usage_date,
        before_latest.usage_date as usage_date_before,
        {{ days_between('before_latest.usage_date', 'usage_span.usage_date') }} as gap_days
    from usage_span
    cross join before_latest

),

today as (

    select
        {{ as_of_date() }} as as_of_date,
        first_usage_date
    from last_two

),

history_weeks as (

    {{ numbers(checked_var('history_weeks')) }}

),

backtest_weeks as (

    {{ numbers(checked_var('backtest_weeks')) }}

),

-- the as-of date itself, then the Sundays before it
history_dates as (

    select
        case
            when history_weeks.number = 0 then today.as_of_date
            else {{ sunday_on_or_before('today.as_of_date - 1') }}
                - 7 * (history_weeks.number - 1)
        end as as_of_date
    from today
    cross join history_weeks

),

-- the Sundays with usage in their windows and with a known outcome
backtest_dates as (

    select
        {{ sunday_on_or_before(
            'today.as_of_date - ' ~ var('backtest_horizon_days')
        ) }} - 7 * backtest_weeks.number as as_of_date,
        today.first_usage_date
    from today
    cross join backtest_weeks

),

history_span as (

    select
        min(as_of_date) as first_date,
        max(as_of_date) as last_date
    from history_dates

),

-- the dates within the history whose published scores used today's rules
published_dates as (

    select published_scores.as_of_date
    from published_scores
    cross join history_span
    where
        published_scores.configuration = '{{ configuration_fingerprint() }}'
        and published_scores.as_of_date between history_span.first_date and history_span.last_date
    group by published_scores.as_of_date

),

purposes as (

    select
        as_of_date,
        true as is_history,
        false as is_backtest,
        false as is_published
    from history_dates
    union all
    select
        as_of_date,
        false as is_history,
        true as is_backtest,
        false as is_published
    from backtest_dates
    where as_of_date - {{ both_windows_days() }} >= first_usage_date
    union all
    select
        as_of_date,
        false as is_history,
        false as is_backtest,
        true as is_published
    from published_dates

),

dates as (

    select
        as_of_date,
        bool_or(is_history) as is_history,
        bool_or(is_backtest) as is_backtest,
        bool_or(is_published) as is_published
    from purposes
    group by as_of_date

),

as_of_dates as (

    select
        dates.as_of_date,
        -- the date to compare with: the latest history date at least a week earlier
        max(earlier.as_of_date) as previous_date,
        dates.as_of_date = today.as_of_date as is_current,
        dates.is_history,
        dates.is_backtest,
        dates.is_published
    from dates
    cross join today
    left join history_dates as earlier
        on dates.is_history
        and earlier.as_of_date <= dates.as_of_date - 7
    group by
        dates.as_of_date,
        today.as_of_date,
        dates.is_history,
        dates.is_backtest,
        dates.is_published

)

select * from as_of_dates
