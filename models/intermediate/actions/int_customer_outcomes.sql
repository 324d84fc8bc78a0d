-- one row per record of a customer, with whether it still holds
with

outcomes as (

    select * from {{ ref('stg_store__outcomes') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

corrections as (

    select
        corrects as outcome_id,
        max(logged_at) as corrected_at
    from outcomes
    where corrects is not null
    group by corrects

),

-- the same row of a file that two people import at once
numbered as (

    select
        *,
        case
            when import_key is null then 1
            else row_number() over (partition by import_key order by logged_at, outcome_id)
        end as import_number
    from outcomes

),

customer_outcomes as (

    select
        numbered.outcome_id,
        numbered.customer_id,
        customers.account_id,
        numbered.kind,
        numbered.outcome,
        numbered.note,
        numbered.reason,
        numbered.snoozed_until,
        numbered.logged_by,
        numbered.occurred_on,
        numbered.logged_at,
        numbered.corrects,
        corrections.outcome_id is null and numbered.kind != 'retraction' as is_current
    from numbered
    -- the store outlives the data: records of customers that it no longer has are not shown
    inner join customers on numbered.customer_id = customers.customer_id
    left join corrections on numbered.outcome_id = corrections.outcome_id
    where numbered.import_number = 1

)

select * from customer_outcomes
