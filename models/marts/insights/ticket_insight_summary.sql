-- one row per engine and combination of category, sentiment and intent, plus one row per engine and
-- kind of error
with

ticket_insights as (

    select * from {{ ref('ticket_insights') }}

),

ticket_insight_summary as (

    select
        engine,
        category,
        sentiment,
        churn_intent,
        error,
        count(*) as messages,
        count(*) filter (where link_level != 'unlinked') as linked_messages,
        {{ share("count(*) filter (where link_level != 'unlinked')", 'count(*)') }} as linked_share
    from ticket_insights
    group by engine, category, sentiment, churn_intent, error

)

select * from ticket_insight_summary
order by
    engine,
    error nulls first,
    messages desc,
    category,
    sentiment,
    churn_intent
