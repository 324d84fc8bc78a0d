-- one row per customer and rule that fired: the audit trail of the score
select *
from {{ ref('risk_rule_evaluations') }}
where fired
order by customer_id, rule_order
