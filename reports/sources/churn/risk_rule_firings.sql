-- a table without rows has one of nulls: Evidence cannot read an empty file
select
    rows.customer_id,
    rows.rule_id
from (select 1) as one
left join marts.risk_rule_firings as rows on true
