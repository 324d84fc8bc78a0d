-- one row per row of subscriptions as it came: every column that the project reads, as text
{{ base_rows('subscriptions') }}
