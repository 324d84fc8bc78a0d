-- one row per source table: every row is staged, rejected, an exact duplicate or pending
with

incoming as (

    {%- call(table_name) for_each_saas_table() %}
    select
        '{{ table_name }}' as table_name,
        count(*) as rows_in
    from {{ ref('base_saas__' ~ table_name) }}
    {%- endcall %}

),

staged as (

    {%- call(table_name) for_each_saas_table() %}
    select
        '{{ table_name }}' as table_name,
        count(*) as rows_staged
    from {{ ref('stg_saas__' ~ table_name) }}
    {%- endcall %}

),

removed as (

    {%- call(table_name) for_each_saas_table() %}
    select
        '{{ table_name }}' as table_name,
        count(*) filter (where row_fate = 'rejected') as rows_rejected,
        count(*) filter (where row_fate = 'duplicate') as exact_duplicates,
        count(*) filter (where row_fate = 'pending') as rows_pending
    from {{ ref('checked_saas__' ~ table_name) }}
    {%- endcall %}

),

row_reconciliation as (

    select
        incoming.table_name,
        incoming.rows_in,
        staged.rows_staged,
        removed.rows_rejected,
        removed.exact_duplicates,
        removed.rows_pending
    from incoming
    inner join staged on incoming.table_name = staged.table_name
    inner join removed on incoming.table_name = removed.table_name

)

select * from row_reconciliation
order by table_name
