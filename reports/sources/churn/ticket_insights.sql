select * from marts.ticket_insights
