select * from marts.risk_rules
