-- the points of the rules that fired add up to the uncapped score and, when capped, to the
-- published one
with

points as (

    select
        customer_id,
        sum(points) as points
    from {{ ref('risk_rule_firings') }}
    group by customer_id

)

select
    scores.customer_id,
    scores.uncapped_score,
    customer_risk.risk_score,
    points.points
from {{ ref('int_customer_scores') }} as scores
inner join {{ ref('int_as_of_dates') }} as as_of_dates
    on scores.as_of_date = as_of_dates.as_of_date
    and as_of_dates.is_current
full outer join {{ ref('customer_risk') }} as customer_risk
    on scores.customer_id = customer_risk.customer_id
left join points on scores.customer_id = points.customer_id
where
    scores.uncapped_score is distinct from coalesce(points.points, 0)
    or customer_risk.risk_score is distinct from least(coalesce(points.points, 0), 100)
