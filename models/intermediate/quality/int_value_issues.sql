-- one row per table, optional column and reason for which values were read as null
{{ config(materialized='view') }}
{%- set selects = [] -%}
{%- for table_name in var('saas_tables') -%}
    {%- for column in typed_optional_columns(table_name) -%}
        {%- do selects.append((table_name, column)) -%}
    {%- endfor -%}
{%- endfor %}
with

value_issues as (

    {% for table_name, column in selects -%}
    select
        '{{ table_name }}' as table_name,
        '{{ column }}' as column_name,
        {{ column }}_fault as issue,
        count(*) as row_count,
        min({{ column }}_unread) as example
    from {{ ref('checked_saas__' ~ table_name) }}
    where row_fate = 'staged' and {{ column }}_fault is not null
    group by {{ column }}_fault
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from value_issues
