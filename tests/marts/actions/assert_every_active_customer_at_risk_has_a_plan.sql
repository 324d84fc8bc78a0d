-- every active customer at risk has one plan: preparation first, follow-up last, no gaps, in order;
-- preparation and follow-up have as many steps as the seed has for them, which may be none
with

parts as (

    select
        count(case when playbook = 'preparation' then 1 end) as preparations,
        count(case when playbook = 'preparation_usage' then 1 end) as usage_preparations,
        count(case when playbook = 'follow_up' then 1 end) as follow_ups
    from {{ ref('playbook_steps') }}

),

plans as (

    select
        customer_id,
        count(*) as steps,
        min(step_number) as first_number,
        max(step_number) as last_number,
        count(case when playbook = 'preparation' then 1 end) as preparations,
        count(case when playbook = 'preparation_usage' then 1 end) as usage_preparations,
        count(case when playbook = 'follow_up' then 1 end) as follow_ups,
        max(case when playbook like 'preparation%' then step_number end) as last_preparation,
        min(case when playbook = 'follow_up' then step_number end) as first_follow_up,
        count(
            case when playbook not like 'preparation%' and playbook != 'follow_up' then 1 end
        ) as chosen_steps,
        count(
            distinct
            case when playbook not like 'preparation%' and playbook != 'follow_up' then step end
        ) as different_steps,
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
cross join parts
where
    listed.customer_id is null
    or plans.customer_id is null
    or plans.chosen_steps < 1
    or (plans.chosen_steps > 1 and plans.steps > {{ var('playbook_most_steps') }})
    or plans.first_number != 1
    or plans.last_number != plans.steps
    or plans.different_steps != plans.chosen_steps
    or (plans.preparations > 0 and plans.usage_preparations > 0)
    or (
        plans.preparations != parts.preparations
        and plans.usage_preparations != parts.usage_preparations
    )
    or plans.last_preparation != plans.preparations + plans.usage_preparations
    or plans.follow_ups != parts.follow_ups
    or plans.first_follow_up != plans.steps - plans.follow_ups + 1
    or plans.first_due < plans.known_since
