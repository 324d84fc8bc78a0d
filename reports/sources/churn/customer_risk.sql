select * from marts.customer_risk
