select * from quality.source_columns
