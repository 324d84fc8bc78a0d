-- every active customer at risk has one plan: prepared first, followed up last, no gap, in order
with

plans as (

    select
        customer_id,
        count(*) as steps,
        min(step_number) as first_number,
        max(step_number) as last_number,
        count(
            case when step_number = 1 and playbook like 'preparation%' then 1 end
        ) as preparations,
        count(case when playbook = 'follow_up' then 1 end) as follow_ups,
        max(case when playbook = 'follow_up' then step_number end) as follow_up_number,
        count(distinct step) as different_steps,
        min(due_date) as first_due,
        min(known_since) as known_since
    from {{ ref('int_action_steps') }}
    group by customer_id

),

listed as (

    select customer_id
    from {{ ref('at_risk_customers') }}
    where is_active

)

select
    listed.customer_id as listed_customer_id,
    plans.*
from listed
full outer join plans on listed.customer_id = plans.customer_id
where
    listed.customer_id is null
    or plans.customer_id is null
    or plans.steps < 3
    or plans.steps > {{ var('playbook_most_steps') }}
    or plans.first_number != 1
    or plans.last_number != plans.steps
    or plans.different_steps != plans.steps
    or plans.preparations != 1
    or plans.follow_ups != 1
    or plans.follow_up_number != plans.steps
    or plans.first_due < plans.known_since
