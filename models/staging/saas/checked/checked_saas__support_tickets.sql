-- one row per row of the support_tickets source, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('support_tickets') }}
