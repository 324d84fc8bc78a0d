-- one row per row of support_tickets as it came: every column that the project reads, as text
{{ base_rows('support_tickets') }}
