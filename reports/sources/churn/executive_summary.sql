select * from marts.executive_summary
