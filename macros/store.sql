{# What was produced here and cannot be built again, as `sources: store` describes it. #}

{#
    The rows of a table in the store, with these columns (name -> type); none where nothing has been
    stored yet. The table of the folder `a/b` is the source `a_b`.
#}
{% macro stored_rows(folder, columns) -%}
    {%- set table_name = folder | replace('/', '_') -%}
    {#- for the lineage -#}
    {%- do source('store', table_name) -%}
    {%- set path = (env_var('CHURN_STORE_DIR', '') or 'data') ~ '/' ~ folder -%}
    {%- set exists = any_file_exists(path) -%}
    {%- set files = rows_of_files(path) -%}
    {#- files of an earlier release may lack a column -#}
    {%- set found = column_names(files) if exists else [] -%}
    select
        {%- for column, type in columns.items() %}
        cast({{ column if column in found else 'null' }} as {{ type }}) as {{ column }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    {% if exists -%}
    from {{ files }}
    {%- else -%}
    where false
    {%- endif %}
{%- endmacro %}
