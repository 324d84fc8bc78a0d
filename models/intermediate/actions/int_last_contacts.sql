-- one row per customer with an outcome: the last outcome, and the last day somebody reached the
-- customer
with

vocabulary as (

    select * from {{ ref('outcomes') }}

),

outcomes as (

    select
        customer_outcomes.*,
        vocabulary.is_contact
    from {{ ref('int_customer_outcomes') }} as customer_outcomes
    inner join vocabulary on customer_outcomes.outcome = vocabulary.outcome
    where customer_outcomes.is_current and customer_outcomes.kind = 'outcome'

),

ranked_contacts as (

    select
        customer_id,
        account_id,
        outcome,
        occurred_on,
        max(case when is_contact then occurred_on end) over (partition by customer_id)
            as reached_on,
        row_number() over (
            partition by customer_id order by occurred_on desc, logged_at desc, outcome_id
        ) as contact_rank,
        row_number() over (
            partition by account_id order by occurred_on desc, logged_at desc, outcome_id
        ) as account_contact_rank
    from outcomes

),

contacts as (

    select
        customer_id,
        account_id,
        outcome,
        occurred_on,
        reached_on,
        account_contact_rank = 1 as is_last_of_account
    from ranked_contacts
    where contact_rank = 1

)

select * from contacts
