-- every enabled rule answers for every customer exactly once
with

rules as (

    select rule_id
    from {{ ref('risk_rules') }}
    where is_enabled
    group by rule_id

),

expected as (

    select
        customer_risk.customer_id,
        rules.rule_id
    from {{ ref('customer_risk') }} as customer_risk
    cross join rules

),

answers as (

    select
        customer_id,
        rule_id,
        count(*) as answers
    from {{ ref('risk_rule_evaluations') }}
    group by customer_id, rule_id

)

select
    coalesce(expected.customer_id, answers.customer_id) as customer_id,
    coalesce(expected.rule_id, answers.rule_id) as rule_id,
    answers.answers
from expected
full outer join answers
    on expected.customer_id = answers.customer_id
    and expected.rule_id = answers.rule_id
where
    expected.customer_id is null
    or answers.answers is distinct from 1
