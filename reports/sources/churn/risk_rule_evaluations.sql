select * from marts.risk_rule_evaluations
