-- one row per source row of churn_events, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('churn_events') }}
