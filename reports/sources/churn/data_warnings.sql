select * from quality.data_warnings
