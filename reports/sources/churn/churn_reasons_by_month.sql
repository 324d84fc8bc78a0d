select * from marts.churn_reasons_by_month
