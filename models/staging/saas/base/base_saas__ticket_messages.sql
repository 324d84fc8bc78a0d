-- one row per row of the ticket_messages source, as it came: every column the project reads, as text
{{ base_rows('ticket_messages') }}
