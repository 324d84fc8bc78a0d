select * from quality.restated_scores
