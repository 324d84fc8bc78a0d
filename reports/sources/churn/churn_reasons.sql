select * from marts.churn_reasons
