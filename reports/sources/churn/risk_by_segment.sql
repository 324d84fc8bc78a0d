select * from marts.risk_by_segment
