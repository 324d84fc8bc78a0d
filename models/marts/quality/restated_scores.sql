-- one row per published date and customer whose score differs when computed from today's rows
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_published

),

published as (

    select published_scores.*
    from {{ ref('int_published_scores') }} as published_scores
    inner join as_of_dates on published_scores.as_of_date = as_of_dates.as_of_date

),

recomputed as (

    select scores.*
    from {{ ref('int_customer_scores') }} as scores
    inner join as_of_dates on scores.as_of_date = as_of_dates.as_of_date

),

restated_scores as (

    select
        coalesce(published.as_of_date, recomputed.as_of_date) as as_of_date,
        coalesce(published.customer_id, recomputed.customer_id) as customer_id,
        coalesce(published.account_id, recomputed.account_id) as account_id,
        case
            when recomputed.customer_id is null then 'no longer scored'
            when published.customer_id is null then 'not scored then'
            when
                published.dated_points = recomputed.dated_points
                and published.churn_intent_30d = recomputed.churn_intent_30d
                and published.risk_score != recomputed.risk_score then 'a flag has changed'
            when
                published.dated_points = recomputed.dated_points
                and published.risk_score != recomputed.risk_score then 'tickets were read since'
            when
                published.risk_score = recomputed.risk_score
                and coalesce(published.top_reasons, '') = coalesce(recomputed.top_reasons, '')
                then case when recomputed.is_active then 'active after all' else 'ended by then' end
            else 'scored differently'
        end as difference,
        published.risk_score as published_score,
        recomputed.risk_score as recomputed_score,
        published.risk_level as published_level,
        recomputed.risk_level as recomputed_level,
        published.top_reasons as published_reasons,
        recomputed.top_reasons as recomputed_reasons
    from published
    full outer join recomputed
        on published.as_of_date = recomputed.as_of_date
        and published.customer_id = recomputed.customer_id
    where
        published.risk_score is distinct from recomputed.risk_score
        or published.is_active is distinct from recomputed.is_active
        or published.top_reasons is distinct from recomputed.top_reasons

)

select * from restated_scores
order by as_of_date, customer_id
