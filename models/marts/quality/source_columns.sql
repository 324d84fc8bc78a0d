-- one row per column of a source file
with

source_columns as (

    {%- for table_name in var('saas_tables') %}
    {#- of a column that is never read, the file holds hashes #}
    {%- for column in source_column_names(table_name) %}
    select
        {{ source_file_name(table_name) }} as file_name,
        '{{ table_name }}' as table_name,
        {{ sql_text(column.removeprefix('_hash_')) }} as column_name,
        {{ (column in saas_columns(table_name)) | lower }} as is_used,
        {{ share(
            'count(*) - count(' ~ trimmed('cast(' ~ quoted(column) ~ ' as string)') ~ ')', 'count(*)'
        ) }} as null_share
    from {{ raw_relation(table_name) }}

    union all

    {% endfor %}
    {%- endfor %}

    select
        cast(null as string) as file_name,
        cast(null as string) as table_name,
        cast(null as string) as column_name,
        cast(null as boolean) as is_used,
        cast(null as decimal(18, 6)) as null_share
    where false

)

select * from source_columns
order by table_name, column_name
