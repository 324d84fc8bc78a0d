-- one row per source row of ticket_messages as it arrived: every column the project reads, as text
{{ base_rows('ticket_messages') }}
