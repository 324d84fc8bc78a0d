select * from marts.risk_movements
