-- what dbt's descriptions say of every column that the pages can show
select
    schema_name || '.' || table_name as table_name,
    column_name,
    comment as meaning
from duckdb_columns()
where schema_name in ('marts', 'quality', 'enrichment') and comment is not null
order by all
