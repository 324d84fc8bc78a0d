-- one row per active customer at risk: when its current spell at risk became known
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_history

),

today as (

    select *
    from as_of_dates
    where is_current

),

customer_scores as (

    select * from {{ ref('int_customer_scores') }}

),

published_scores as (

    select * from {{ ref('int_published_scores') }}

),

at_risk as (

    select
        customer_scores.customer_id,
        customer_scores.account_id,
        customer_scores.risk_score,
        customer_scores.risk_level,
        today.as_of_date
    from customer_scores
    inner join today on customer_scores.as_of_date = today.as_of_date
    where customer_scores.is_active and customer_scores.risk_level != 'Low'

),

calm_dates as (

    select
        customer_scores.customer_id,
        customer_scores.as_of_date
    from customer_scores
    inner join as_of_dates on customer_scores.as_of_date = as_of_dates.as_of_date
    -- a published score overrides the score that later rows give
    left join published_scores
        on customer_scores.customer_id = published_scores.customer_id
        and customer_scores.as_of_date = published_scores.as_of_date
    where customer_scores.risk_level = 'Low' and published_scores.customer_id is null

    union all

    -- the history covers a limited number of weeks; published scores stay
    select
        published_scores.customer_id,
        published_scores.as_of_date
    from published_scores
    inner join today on published_scores.as_of_date <= today.as_of_date
    where published_scores.risk_level = 'Low'

),

last_calm_dates as (

    select
        customer_id,
        max(as_of_date) as as_of_date
    from calm_dates
    group by customer_id

),

first_publications as (

    select
        published_scores.customer_id,
        min(published_scores.as_of_date) as as_of_date
    from published_scores
    cross join today
    left join last_calm_dates on published_scores.customer_id = last_calm_dates.customer_id
    where
        published_scores.as_of_date <= today.as_of_date
        and (
            last_calm_dates.as_of_date is null
            or published_scores.as_of_date > last_calm_dates.as_of_date
        )
    group by published_scores.customer_id

),

spells as (

    select
        at_risk.customer_id,
        at_risk.account_id,
        at_risk.risk_score,
        at_risk.risk_level,
        at_risk.as_of_date,
        coalesce(first_publications.as_of_date, at_risk.as_of_date) as known_since
    from at_risk
    left join first_publications on at_risk.customer_id = first_publications.customer_id

)

select * from spells
