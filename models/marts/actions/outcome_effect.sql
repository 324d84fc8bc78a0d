-- one row per outcome, plus one for customers that nobody contacted: the scores before and after
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

scores as (

    select
        customer_scores.customer_id,
        customer_scores.as_of_date,
        customer_scores.is_active,
        customer_scores.risk_score,
        customer_scores.risk_level
    from customer_scores
    inner join as_of_dates on customer_scores.as_of_date = as_of_dates.as_of_date

),

outcomes as (

    select *
    from {{ ref('int_customer_outcomes') }}
    where is_current and kind = 'outcome'

),

-- only the first outcome of each kind counts
first_outcomes as (

    select
        outcome,
        customer_id,
        min(occurred_on) as begins_on
    from outcomes
    group by outcome, customer_id

),

-- customers without any outcome are observed over the last 30 days
never_contacted as (

    select
        'nobody contacted' as outcome,
        scores.customer_id,
        today.as_of_date - 30 as begins_on
    from scores
    cross join today
    left join outcomes on scores.customer_id = outcomes.customer_id
    where outcomes.customer_id is null
    group by scores.customer_id, today.as_of_date

),

observed as (

    select * from first_outcomes
    union all
    select * from never_contacted

),

dates as (

    select
        observed.outcome,
        observed.customer_id,
        max(case when scores.as_of_date <= observed.begins_on then scores.as_of_date end)
            as before_date,
        min(case when scores.as_of_date >= observed.begins_on + 30 then scores.as_of_date end)
            as after_date
    from observed
    inner join scores on observed.customer_id = scores.customer_id
    group by observed.outcome, observed.customer_id

),

-- only customers who were at risk before
pairs as (

    select
        dates.outcome,
        dates.customer_id,
        before_scores.risk_score as score_before,
        after_scores.is_active as is_active_after,
        -- ended customers have no usage, so their score means nothing
        case when after_scores.is_active then after_scores.risk_score end as score_after,
        case when after_scores.is_active then after_scores.risk_level end as level_after
    from dates
    inner join scores as before_scores
        on dates.customer_id = before_scores.customer_id
        and dates.before_date = before_scores.as_of_date
    left join scores as after_scores
        on dates.customer_id = after_scores.customer_id
        and dates.after_date = after_scores.as_of_date
    where before_scores.is_active and before_scores.risk_level != 'Low'

),

outcome_effect as (

    select
        outcome,
        count(*) as customers,
        count(is_active_after) as customers_after_30d,
        {{ decimal_share(
            'sum(case when score_after is not null then score_before end)', 'count(score_after)'
        ) }} as avg_score_before,
        {{ decimal_share('sum(score_after)', 'count(score_after)') }} as avg_score_after_30d,
        {{ share(
            "count(case when level_after = 'Low' then 1 end)", 'count(is_active_after)'
        ) }} as left_list_share,
        {{ share(
            'count(case when not is_active_after then 1 end)', 'count(is_active_after)'
        ) }} as ended_share,
        'not causal: whom to contact was a choice' as caption
    from pairs
    group by outcome

)

select * from outcome_effect
order by case outcome when 'nobody contacted' then 2 else 1 end, outcome
