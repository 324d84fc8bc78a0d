-- what dbt's descriptions say of every column that the pages can show
-- a table without rows has one of nulls: Evidence cannot read an empty file
select
    rows.schema_name || '.' || rows.table_name as table_name,
    rows.column_name,
    rows.comment as meaning
from (select 1) as one
left join duckdb_columns() as rows
    on rows.schema_name in ('marts', 'quality', 'enrichment') and rows.comment is not null
order by all
