"""What a build costs, from 25,000 usage rows to 100 million, beside what else would do the work.

data         the companies, generated once and kept
contenders   who does the work: a script, pandas, dbt, Spark
floor        runs `floor.sql` or `windows.sql`, written by hand for DuckDB
alternative  the same scores by pandas
equality     whether all of them say the same
results      what was measured, kept as JSON
tables       what is printed, and the page `docs/benchmarks.md`
"""
