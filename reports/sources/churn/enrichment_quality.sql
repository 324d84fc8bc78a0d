select * from marts.enrichment_quality
