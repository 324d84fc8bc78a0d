select * from marts.risk_by_plan_tier
