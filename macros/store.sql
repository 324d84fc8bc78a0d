{# What was produced here and cannot be built again, as `sources: store` describes it. #}

{#
    The rows of a table in the store, with these columns (name -> type); none where nothing has been
    stored yet.
#}
{% macro stored_rows(table_name, columns) -%}
    {%- set exists = any_file_exists(env_var('CHURN_STORE_DIR', 'data') ~ '/' ~ table_name, 'parquet') -%}
    select
        {%- for column, type in columns.items() %}
        cast({{ column if exists else 'null' }} as {{ type }}) as {{ column }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    {% if exists -%}
    from {{ source('store', table_name) }}
    {%- else -%}
    where false
    {%- endif %}
{%- endmacro %}
