-- one row per table, column and kind of issue in the source data
with

value_issues as (

    select * from {{ ref('int_value_issues') }}

),

row_issues as (

    select * from {{ ref('int_row_issues') }}

),

source_columns as (

    select * from {{ ref('source_columns') }}

),

row_reconciliation as (

    select * from {{ ref('row_reconciliation') }}

),

feed_freshness as (

    select * from {{ ref('feed_freshness') }}

),

outcomes as (

    select * from {{ ref('stg_store__outcomes') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

optional_columns as (

    {% for table_name, column in every_optional_column() -%}
    select
        '{{ table_name }}' as table_name,
        '{{ column }}' as column_name
    {%- if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}

),

given_tables as (

    select table_name
    from source_columns
    group by table_name

),

missing_columns as (

    select
        optional_columns.table_name,
        optional_columns.column_name,
        'missing_column' as issue,
        row_reconciliation.rows_in as row_count,
        cast(null as string) as example
    from optional_columns
    inner join row_reconciliation on optional_columns.table_name = row_reconciliation.table_name
    -- a file that was not provided lacks no columns
    inner join given_tables on optional_columns.table_name = given_tables.table_name
    left join source_columns
        on optional_columns.table_name = source_columns.table_name
        and optional_columns.column_name = source_columns.column_name
    where source_columns.column_name is null

),

feed_issues as (

    select
        table_name,
        cast(null as string) as column_name,
        case
            when days_behind > 0 or last_date is null then 'late_feed'
            else 'low_volume_feed'
        end as issue,
        rows_last_7d as row_count,
        warning as example
    from feed_freshness
    where warning is not null

),

-- outcomes logged while the warehouse was unavailable to check the customer id
outcome_issues as (

    select
        'outcomes' as table_name,
        'customer_id' as column_name,
        'unknown_subscription' as issue,
        count(*) as row_count,
        min(outcomes.customer_id) as example
    from outcomes
    left join customers on outcomes.customer_id = customers.customer_id
    where outcomes.account_id is null and customers.customer_id is null
    having count(*) > 0

),

data_quality_issues as (

    select * from value_issues
    union all
    select * from row_issues
    union all
    select * from missing_columns
    union all
    select * from feed_issues
    union all
    select * from outcome_issues

)

select * from data_quality_issues
order by table_name, column_name nulls first, issue
