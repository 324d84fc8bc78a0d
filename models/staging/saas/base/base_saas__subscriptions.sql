-- one row per row of the subscriptions source, as it came: every column the project reads, as text
{{ base_rows('subscriptions') }}
