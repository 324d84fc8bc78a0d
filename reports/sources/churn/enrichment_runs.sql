select * from enrichment.runs
