-- one row per warning that every page and report shows first
with

feed_freshness as (

    select * from {{ ref('feed_freshness') }}

),

restated_scores as (

    select * from {{ ref('restated_scores') }}

),

verdicts as (

    select * from {{ ref('backtest_verdicts') }}

),

-- people must know that the warnings are unproven before they read them
verdict_warnings as (

    select
        'backtest_verdicts' as about,
        verdict_text as warning
    from verdicts
    where is_headline and verdict in ('no evidence', 'inverse')

),

feed_warnings as (

    select
        table_name as about,
        warning
    from feed_freshness
    where warning is not null

),

restated as (

    select
        count(*) as scores,
        count(distinct as_of_date) as dates,
        min(as_of_date) as first_date,
        max(as_of_date) as last_date
    from restated_scores
    -- neither is news about the past: flags have no date, and a model may read old tickets today
    where difference not in ('a flag has changed', 'tickets were read since')

),

restatement_warnings as (

    select
        'restated_scores' as about,
        case scores
            when 1 then '1 score that was published'
            else cast(scores as string) || ' scores that were published'
        end
        || case dates
            when 1 then ' for ' || cast(first_date as string)
            else ' for ' || cast(dates as string) || ' dates from ' || cast(first_date as string)
                || ' to ' || cast(last_date as string)
        end
        || case scores when 1 then ' comes' else ' come' end
        || ' out differently from the rows of today, which came late or were edited since:'
        || ' see quality.restated_scores.' as warning
    from restated
    where scores > 0

),

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

ticket_messages as (

    select * from {{ ref('stg_saas__ticket_messages') }}

),

ticket_enrichments as (

    select *
    from {{ ref('int_ticket_enrichments') }}
    where error is null and engine = {{ sql_text(var('enrichment_engine')) }}

),

-- read messages in the current window, and in the window a week or more earlier
readings as (

    select
        count(case when {{ in_current_window(
            'cast(ticket_messages.submitted_at as date)', 'as_of_dates.as_of_date'
        ) }} then 1 end) as messages,
        count(case when {{ in_current_window(
            'cast(ticket_messages.submitted_at as date)', 'as_of_dates.as_of_date'
        ) }} then ticket_enrichments.message_id end) as messages_read,
        count(case when {{ in_current_window(
            'cast(ticket_messages.submitted_at as date)', 'as_of_dates.previous_date'
        ) }} then 1 end) as previous_messages,
        count(case when {{ in_current_window(
            'cast(ticket_messages.submitted_at as date)', 'as_of_dates.previous_date'
        ) }} then ticket_enrichments.message_id end) as previous_messages_read
    from ticket_messages
    cross join as_of_dates
    left join ticket_enrichments on ticket_messages.message_id = ticket_enrichments.message_id

),

-- if more messages of one week were read, the customers seem to have changed
reading_warnings as (

    select
        'ticket_insights' as about,
        'Of the tickets of the last 30 days ' || cast(messages_read as string) || ' of '
        || cast(messages as string) || ' were read, of those of the 30 days to the week before '
        || cast(previous_messages_read as string) || ' of ' || cast(previous_messages as string)
        || ': scores may have changed because of that. Read more: make enrich LIMIT='
        || cast(messages + previous_messages as string) || '.' as warning
    from readings
    where
        -- the shares of read messages differ by more than a tenth
        10 * abs(messages_read * previous_messages - previous_messages_read * messages)
        > messages * previous_messages

),

feature_usage as (

    select * from {{ ref('checked_saas__feature_usage') }}

),

waiting as (

    select
        count(*) as usage_rows,
        min(feature_usage.usage_date) as first_date,
        max(feature_usage.usage_date) as last_date
    from feature_usage
    inner join as_of_dates
        on {{ in_both_windows('feature_usage.usage_date', 'as_of_dates.as_of_date') }}
    where feature_usage.row_fate = 'pending'

),

-- usage that is not counted yet looks like a usage drop
waiting_warnings as (

    select
        'feature_usage' as about,
        case usage_rows
            when 1 then '1 row of usage of ' || cast(first_date as string) || ' came'
            else cast(usage_rows as string) || ' rows of usage of ' || cast(first_date as string)
                || ' to ' || cast(last_date as string) || ' came'
        end
        || ' more than {{ var("late_arrival_days") }} days late and'
        || case usage_rows when 1 then ' is' else ' are' end
        || ' not scored yet: make run DATA=... FULL_REFRESH=1 reads everything again.' as warning
    from waiting
    where usage_rows > 0

),

data_warnings as (

    select * from verdict_warnings
    union all
    select * from reading_warnings
    union all
    select * from feed_warnings
    union all
    select * from restatement_warnings
    union all
    select * from waiting_warnings

)

select * from data_warnings
order by about
