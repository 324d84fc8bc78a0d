-- one row per source row of support_tickets as it arrived: every column the project reads, as text
{{ base_rows('support_tickets') }}
