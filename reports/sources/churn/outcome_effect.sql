select * from marts.outcome_effect
