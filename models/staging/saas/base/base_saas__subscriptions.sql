-- one row per source row of subscriptions as it arrived: every column the project reads, as text
{{ base_rows('subscriptions') }}
