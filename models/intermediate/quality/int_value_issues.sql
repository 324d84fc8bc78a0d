-- one row per table, optional column and reason for which values were read as null
{{ config(materialized='view') }}
with

value_issues as (

    {% for table_name, column in every_typed_optional_column() -%}
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
