-- one row per active customer at risk and step of its plan
with

action_steps as (

    select * from {{ ref('int_action_steps') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

renewals as (

    select * from {{ ref('int_renewals') }}

),

spells as (

    select * from {{ ref('int_risk_spells') }}

),

contacts as (

    select * from {{ ref('int_customer_contacts') }}

),

next_best_actions as (

    select
        -- the same id for the same step of the same spell, in every build
        md5(
            action_steps.customer_id || chr(31) || cast(action_steps.known_since as string)
            || chr(31) || action_steps.step
        ) as task_id,
        action_steps.customer_id,
        action_steps.account_id,
        customers.account_name,
        spells.risk_level,
        cast(action_steps.step_number as int) as step_number,
        action_steps.step,
        action_steps.rule_id,
        action_steps.why,
        action_steps.owner,
        action_steps.channel,
        action_steps.due_date,
        contacts.next_step_due is null
        or action_steps.due_date < contacts.next_step_due as is_done,
        action_steps.known_since,
        renewals.next_renewal_date,
        renewals.is_renewal_estimated
    from action_steps
    inner join customers on action_steps.customer_id = customers.customer_id
    inner join renewals on action_steps.customer_id = renewals.customer_id
    inner join spells on action_steps.customer_id = spells.customer_id
    inner join contacts on action_steps.customer_id = contacts.customer_id

)

select * from next_best_actions
order by customer_id, step_number
