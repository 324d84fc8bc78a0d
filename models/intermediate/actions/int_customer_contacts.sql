-- one row per customer: the last contact, the next step and the snooze
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

customers as (

    select * from {{ ref('int_customers') }}

),

outcomes as (

    select *
    from {{ ref('int_customer_outcomes') }}
    where is_current

),

action_steps as (

    select * from {{ ref('int_action_steps') }}

),

last_contacts as (

    select * from {{ ref('int_last_contacts') }}

),

-- people talk to companies, so a contact counts for all customers of the account
account_contacts as (

    select *
    from last_contacts
    where is_last_of_account

),

ranked_snoozes as (

    select
        customer_id,
        snoozed_until,
        row_number() over (
            partition by customer_id order by logged_at desc, outcome_id
        ) as snooze_rank
    from outcomes
    where kind = 'snooze'

),

-- the latest snooze wins, so that people can end a snooze early
snoozes as (

    select *
    from ranked_snoozes
    where snooze_rank = 1

),

-- a step that was due when somebody reached the customer counts as done
open_steps as (

    select
        action_steps.*,
        -- any contact attempt since the due date clears "overdue"
        action_steps.due_date < as_of_dates.as_of_date
        and (
            last_contacts.occurred_on is null
            or action_steps.due_date > last_contacts.occurred_on
        ) as is_overdue,
        row_number() over (
            partition by action_steps.customer_id
            order by action_steps.due_date, action_steps.step_number
        ) as open_number
    from action_steps
    cross join as_of_dates
    left join last_contacts on action_steps.customer_id = last_contacts.customer_id
    where
        last_contacts.reached_on is null
        or action_steps.due_date > last_contacts.reached_on

),

overdue as (

    select customer_id
    from open_steps
    where is_overdue
    group by customer_id

),

next_steps as (

    select *
    from open_steps
    where open_number = 1

),

contacts as (

    select
        customers.customer_id,
        last_contacts.outcome as last_outcome,
        last_contacts.occurred_on as last_contact_date,
        -- an outcome may be dated after the as-of date
        case
            when last_contacts.occurred_on > as_of_dates.as_of_date then 0
            else {{ days_between('last_contacts.occurred_on', 'as_of_dates.as_of_date') }}
        end as days_since_contact,
        account_contacts.outcome as last_account_outcome,
        account_contacts.occurred_on as last_account_contact_date,
        case
            when account_contacts.occurred_on > as_of_dates.as_of_date then 0
            else {{ days_between('account_contacts.occurred_on', 'as_of_dates.as_of_date') }}
        end as days_since_account_contact,
        next_steps.step as next_step,
        next_steps.owner as next_step_owner,
        next_steps.due_date as next_step_due,
        overdue.customer_id is not null as is_overdue,
        case
            when snoozes.snoozed_until >= as_of_dates.as_of_date then snoozes.snoozed_until
        end as snoozed_until
    from customers
    cross join as_of_dates
    left join last_contacts on customers.customer_id = last_contacts.customer_id
    left join account_contacts on customers.account_id = account_contacts.account_id
    left join snoozes on customers.customer_id = snoozes.customer_id
    left join next_steps on customers.customer_id = next_steps.customer_id
    left join overdue on customers.customer_id = overdue.customer_id

)

select * from contacts
