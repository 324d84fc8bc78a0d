-- one row per customer at the as-of date: its score a week earlier, and how long it has been at
-- risk
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_history

),

customer_scores as (

    select * from {{ ref('int_customer_scores') }}

),

today as (

    select *
    from as_of_dates
    where is_current

),

scores as (

    select
        customer_scores.customer_id,
        customer_scores.as_of_date,
        customer_scores.risk_score,
        customer_scores.risk_level
    from customer_scores
    inner join as_of_dates on customer_scores.as_of_date = as_of_dates.as_of_date

),

last_calm_dates as (

    select
        customer_id,
        max(as_of_date) as as_of_date
    from scores
    where risk_level = 'Low'
    group by customer_id

),

movements as (

    select
        scores.customer_id,
        max(case
            when scores.as_of_date = today.previous_date then scores.risk_score
        end) as risk_score_prev_week,
        count(case
            when last_calm_dates.as_of_date is null
                or scores.as_of_date > last_calm_dates.as_of_date
                then 1
        end) as weeks_at_risk,
        min(case
            when last_calm_dates.as_of_date is null
                or scores.as_of_date > last_calm_dates.as_of_date
                then scores.as_of_date
        end) as first_at_risk_date
    from scores
    cross join today
    left join last_calm_dates on scores.customer_id = last_calm_dates.customer_id
    group by scores.customer_id

)

select * from movements
