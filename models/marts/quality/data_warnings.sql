-- one row per warning that belongs on top of everything a person sees
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

-- that the warnings say nothing must be said before they are read
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
    -- flags have no date, and a model may read old tickets today: neither is news of the past
    where difference not in ('a flag has changed', 'tickets were read since')

),

restatement_warnings as (

    select
        'restated_scores' as about,
        case scores
            when 1 then '1 score that was published'
            else cast(scores as varchar) || ' scores that were published'
        end
        || case dates
            when 1 then ' for ' || cast(first_date as varchar)
            else ' for ' || cast(dates as varchar) || ' dates from ' || cast(first_date as varchar)
                || ' to ' || cast(last_date as varchar)
        end
        || case scores when 1 then ' comes' else ' come' end
        || ' out differently from the rows of today, which came late or were edited since:'
        || ' see quality.restated_scores.' as warning
    from restated
    where scores > 0

),

data_warnings as (

    select * from verdict_warnings
    union all
    select * from feed_warnings
    union all
    select * from restatement_warnings

)

select * from data_warnings
order by about
