-- one row per customer that somebody dealt with: what came of it the last time
with

outcomes as (

    select *
    from {{ ref('int_customer_outcomes') }}
    where is_current and kind = 'outcome'

),

ranked_contacts as (

    select
        customer_id,
        account_id,
        outcome,
        occurred_on,
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
        account_contact_rank = 1 as is_last_of_account
    from ranked_contacts
    where contact_rank = 1

)

select * from contacts
