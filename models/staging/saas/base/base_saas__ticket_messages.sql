-- one row per row of ticket_messages as it came: every column that the project reads, as text
{{ base_rows('ticket_messages') }}
