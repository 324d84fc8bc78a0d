-- one row per record about a customer: what people logged, and whether it is still in effect
with

outcomes as (

    select * from {{ ref('stg_store__outcomes') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

corrections as (

    select corrects as outcome_id
    from outcomes
    where corrects is not null
    group by corrects

),

-- if two corrections of one record were logged at the same time, the last one wins
numbered as (

    select
        *,
        case
            when corrects is null then 1
            else row_number() over (partition by corrects order by logged_at desc, outcome_id)
        end as correction_number
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
        corrections.outcome_id is null
        and numbered.correction_number = 1
        and numbered.kind != 'retraction' as is_current
    from numbered
    -- the store outlives the data: records about customers who are no longer in the data are hidden
    inner join customers on numbered.customer_id = customers.customer_id
    left join corrections on numbered.outcome_id = corrections.outcome_id

)

select * from customer_outcomes
