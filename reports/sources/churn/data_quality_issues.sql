select * from quality.data_quality_issues
