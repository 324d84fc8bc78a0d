select * from marts.ticket_insight_summary
