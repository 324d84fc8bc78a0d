select * from marts.risk_trend
