-- one row per active customer at risk and step of its plan
with

spells as (

    select * from {{ ref('int_risk_spells') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

renewals as (

    select * from {{ ref('int_renewals') }}

),

firings as (

    select *
    from {{ ref('int_rule_evaluations') }}
    where fired

),

playbook_steps as (

    select * from {{ ref('playbook_steps') }}

),

-- what speaks for a step: each rule that fired, and a renewal that is near
causes as (

    select
        spells.customer_id,
        firings.playbook,
        firings.rule_order as cause_order,
        firings.rule_id,
        firings.reason as why
    from spells
    inner join firings on spells.customer_id = firings.customer_id

    union all

    select
        spells.customer_id,
        'renewal' as playbook,
        0 as cause_order,
        cast(null as varchar) as rule_id,
        {{ renewal_text('renewals') }} as why
    from spells
    inner join renewals on spells.customer_id = renewals.customer_id
    where renewals.is_renewal_near

    union all

    -- for those whose rules have no playbook
    select
        customer_id,
        'general' as playbook,
        1000 as cause_order,
        cast(null as varchar) as rule_id,
        cast(null as varchar) as why
    from spells

),

candidates as (

    select
        causes.customer_id,
        causes.cause_order,
        causes.rule_id,
        causes.why,
        playbook_steps.playbook,
        playbook_steps.step_order,
        playbook_steps.day_offset,
        playbook_steps.owner_role,
        playbook_steps.channel,
        playbook_steps.step,
        playbook_steps.customer_offer,
        row_number() over (
            partition by causes.customer_id, playbook_steps.step
            order by causes.cause_order, playbook_steps.step_order
        ) as copy_number
    from causes
    inner join playbook_steps on causes.playbook = playbook_steps.playbook

),

-- the first step of every playbook before the second of any
ranked as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by case playbook when 'general' then 1 else 0 end, step_order, cause_order
        ) as step_rank,
        max(case when playbook != 'general' then 1 else 0 end) over (
            partition by customer_id
        ) as has_playbook
    from candidates
    where copy_number = 1

),

chosen as (

    select *
    from ranked
    where
        step_rank <= {{ var('playbook_most_steps') - 2 }}
        and (playbook != 'general' or has_playbook = 0)

),

usage_falls as (

    select
        customer_id,
        rule_id,
        reason
    from firings
    where signal_name = 'usage_drop_pct'

),

-- every plan begins with a look at the customer
preparations as (

    select
        spells.customer_id,
        usage_falls.rule_id,
        usage_falls.reason as why,
        playbook_steps.playbook,
        playbook_steps.day_offset,
        playbook_steps.owner_role,
        playbook_steps.channel,
        playbook_steps.step,
        playbook_steps.customer_offer
    from spells
    left join usage_falls on spells.customer_id = usage_falls.customer_id
    inner join playbook_steps
        on case when usage_falls.customer_id is null then 'preparation' else 'preparation_usage' end
        = playbook_steps.playbook

),

last_offsets as (

    select
        customer_id,
        max(day_offset) as day_offset
    from chosen
    group by customer_id

),

-- and ends with another
follow_ups as (

    select
        last_offsets.customer_id,
        cast(null as varchar) as rule_id,
        cast(null as varchar) as why,
        playbook_steps.playbook,
        last_offsets.day_offset + playbook_steps.day_offset as day_offset,
        playbook_steps.owner_role,
        playbook_steps.channel,
        playbook_steps.step,
        playbook_steps.customer_offer
    from last_offsets
    cross join playbook_steps
    where playbook_steps.playbook = 'follow_up'

),

steps as (

    select
        1 as part,
        0 as cause_order,
        0 as step_order,
        preparations.*
    from preparations

    union all

    select
        2 as part,
        cause_order,
        step_order,
        customer_id,
        rule_id,
        why,
        playbook,
        day_offset,
        owner_role,
        channel,
        step,
        customer_offer
    from chosen

    union all

    select
        3 as part,
        0 as cause_order,
        0 as step_order,
        follow_ups.*
    from follow_ups

),

action_steps as (

    select
        steps.customer_id,
        spells.account_id,
        row_number() over (
            partition by steps.customer_id
            order by steps.part, steps.day_offset, steps.cause_order, steps.step_order, steps.step
        ) as step_number,
        steps.step,
        steps.rule_id,
        steps.why,
        coalesce(customers.csm_name, steps.owner_role) as owner,
        steps.channel,
        -- counted from a day that stands still
        spells.known_since + cast(
            steps.day_offset + {{ start_days('spells.risk_level', 'renewals.is_renewal_near') }}
            as int
        ) as due_date,
        spells.known_since,
        steps.playbook,
        steps.customer_offer
    from steps
    inner join spells on steps.customer_id = spells.customer_id
    inner join customers on steps.customer_id = customers.customer_id
    inner join renewals on steps.customer_id = renewals.customer_id

)

select * from action_steps
