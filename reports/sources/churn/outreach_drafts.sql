select * from marts.outreach_drafts
