select * from marts.risk_levels
