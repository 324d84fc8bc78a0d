-- `customer_risk` and `risk_movements` agree with the history about the past
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_history

),

history as (

    select * from {{ ref('customer_risk_history') }}

),

customer_risk as (

    select * from {{ ref('customer_risk') }}

),

-- the dates of each customer, counted back from the as-of date
counted_back as (

    select
        customer_id,
        as_of_date,
        risk_level,
        row_number() over (partition by customer_id order by as_of_date desc) as weeks_back
    from history

),

spells as (

    select
        customer_id,
        max(weeks_back) as weeks,
        min(case when risk_level = 'Low' then weeks_back end) as weeks_to_calm
    from counted_back
    group by customer_id

),

expected as (

    select
        customer_risk.customer_id,
        then_risk.as_of_date as from_date,
        then_risk.risk_score,
        then_risk.risk_level,
        coalesce(spells.weeks_to_calm - 1, spells.weeks) as weeks_at_risk
    from customer_risk
    inner join spells on customer_risk.customer_id = spells.customer_id
    left join as_of_dates on customer_risk.usage_window_end = as_of_dates.as_of_date
    left join history as then_risk
        on as_of_dates.previous_date = then_risk.as_of_date
        and customer_risk.customer_id = then_risk.customer_id

)

select
    customer_risk.customer_id,
    customer_risk.risk_score_prev_week,
    customer_risk.risk_score_change,
    customer_risk.weeks_at_risk,
    customer_risk.first_at_risk_date,
    movements.from_level
from customer_risk
full outer join expected on customer_risk.customer_id = expected.customer_id
left join counted_back as first_week
    on expected.customer_id = first_week.customer_id
    and expected.weeks_at_risk = first_week.weeks_back
full outer join {{ ref('risk_movements') }} as movements
    on customer_risk.customer_id = movements.customer_id
where
    customer_risk.customer_id is null
    or customer_risk.risk_score_prev_week is distinct from expected.risk_score
    or customer_risk.risk_score_change
    is distinct from customer_risk.risk_score - expected.risk_score
    or customer_risk.weeks_at_risk is distinct from expected.weeks_at_risk
    or customer_risk.first_at_risk_date is distinct from first_week.as_of_date
    or (expected.risk_level != customer_risk.risk_level) is distinct from case
        when movements.customer_id is not null then true
        when expected.risk_level is not null then false
    end
    or movements.from_level != expected.risk_level
    or movements.to_level != customer_risk.risk_level
    or movements.from_date != expected.from_date
