-- one row per row of churn_events as it came: every column that the project reads, as text
{{ base_rows('churn_events') }}
