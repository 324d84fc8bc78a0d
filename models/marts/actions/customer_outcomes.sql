-- one row per record about a customer: an outcome, a snooze, a "not a risk" or a retraction
with

customer_outcomes as (

    select
        outcome_id,
        customer_id,
        account_id,
        kind,
        outcome,
        note,
        reason,
        snoozed_until,
        logged_by,
        occurred_on,
        logged_at,
        corrects,
        is_current
    from {{ ref('int_customer_outcomes') }}

)

select * from customer_outcomes
order by logged_at desc, outcome_id
