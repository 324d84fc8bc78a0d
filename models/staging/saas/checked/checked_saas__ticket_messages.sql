-- one row per source row of ticket_messages, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('ticket_messages') }}
