-- one row per row of the support_tickets source, as it came: every column the project reads, as text
{{ base_rows('support_tickets') }}
