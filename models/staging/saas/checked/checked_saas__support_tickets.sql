-- one row per row of support_tickets, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('support_tickets') }}
