-- one row per column of a source file
with

{% for table_name in var('saas_tables') if source_column_names(table_name) -%}
{{ table_name }} as (

    {{ column_counts(table_name) | indent(4) }}

),

{% endfor -%}
source_columns as (

    {% for table_name in var('saas_tables') if source_column_names(table_name) -%}
    select
        {{ source_file_name(table_name) }} as file_name,
        '{{ table_name }}' as table_name,
        column_name,
        column_name in (
            {%- for column in saas_columns(table_name) %}
            '{{ column }}'{{ ',' if not loop.last }}
            {%- endfor %}
        ) as is_used,
        {{ share('row_count - filled_rows', 'row_count') }} as null_share
    from {{ table_name }}
    {% if not loop.last -%}
    union all
    {% endif %}
    {%- endfor %}

)

select * from source_columns
order by table_name, column_name
