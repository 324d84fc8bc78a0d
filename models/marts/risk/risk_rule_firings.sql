-- one row per customer and rule that fired: the audit trail of the score
{{ config(materialized='view') }}
select *
from {{ ref('risk_rule_evaluations') }}
where fired
