-- one row per source row of churn_events as it arrived: every column the project reads, as text
{{ base_rows('churn_events') }}
