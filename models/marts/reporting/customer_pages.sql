-- one row per customer at risk with a page in the reports: the page's name and position
with

at_risk_customers as (

    select * from {{ ref('at_risk_customers') }}

),

-- on some disks, file names that differ only in letter case are the same
names as (

    select
        customer_id,
        risk_rank,
        contact_priority,
        count(*) over (partition by lower(customer_id)) = 1
        and {{ matches('customer_id', '^[A-Za-z0-9][A-Za-z0-9_-]*$') }} as is_plain
    from at_risk_customers

),

ordered as (

    select
        customer_id,
        case
            when is_plain then customer_id
            else md5(customer_id)
        end as page_name,
        cast(row_number() over (order by contact_priority nulls last, risk_rank) as bigint)
            as page_order
    from names

),

customer_pages as (

    select
        customer_id,
        page_name,
        page_order
    from ordered
    where page_order <= {{ var('report_customer_pages') }}

)

select * from customer_pages
order by page_order
