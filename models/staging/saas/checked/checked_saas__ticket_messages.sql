-- one row per row of the ticket_messages source, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('ticket_messages') }}
