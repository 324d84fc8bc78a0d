select * from marts.customer_outcomes
