-- one row per rejected source row
with

rejected_rows as (

    {%- call(table_name) for_each_saas_table() %}
    select
        '{{ table_name }}' as table_name,
        {{ row_ref(table_name) }} as row_ref,
        rejected_column as column_name,
        rejected_value as raw_value,
        rejected_reason as reason
    from {{ ref('checked_saas__' ~ table_name) }}
    where row_fate = 'rejected'
    {%- endcall %}

)

select * from rejected_rows
order by table_name, row_ref, column_name, raw_value
