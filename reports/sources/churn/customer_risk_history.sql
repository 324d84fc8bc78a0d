select * from marts.customer_risk_history
