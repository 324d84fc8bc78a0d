select * from quality.feed_freshness
