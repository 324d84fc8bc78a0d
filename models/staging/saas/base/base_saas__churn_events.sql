-- one row per row of the churn_events source, as it came: every column the project reads, as text
{{ base_rows('churn_events') }}
