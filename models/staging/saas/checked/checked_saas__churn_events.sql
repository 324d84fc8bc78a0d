-- one row per row of the churn_events source, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('churn_events') }}
