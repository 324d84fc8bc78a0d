"""Measures builds from 25,000 to 100 million usage rows, and compares them with alternatives.

data         the companies, generated once and cached
contenders   the contenders: a script, pandas, dbt, Spark
floor        runs `floor.sql` or `windows.sql`, hand-written for DuckDB
alternative  the same scores in pandas
equality     checks that all contenders give the same scores
results      the measurements, stored as JSON
tables       the printed tables, and the page `docs/benchmarks.md`
"""
