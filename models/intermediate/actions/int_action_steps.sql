-- one row per active customer at risk and step of its plan
{%- set start_days = var('playbook_start_days') %}
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

last_contacts as (

    select * from {{ ref('int_last_contacts') }}

),

-- the causes of steps: each rule that fired, and a near renewal
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
        cast(null as string) as rule_id,
        case when renewals.renews_by_itself then 'Renews' else 'Does not renew by itself: ends' end
        || ' on ' || cast(renewals.next_renewal_date as string)
        || case when renewals.is_renewal_estimated then ' (estimated)' else '' end as why
    from spells
    inner join renewals on spells.customer_id = renewals.customer_id
    where renewals.is_renewal_near

    union all

    -- the fallback for customers whose rules have no playbook
    select
        customer_id,
        'general' as playbook,
        1000 as cause_order,
        cast(null as string) as rule_id,
        cast(null as string) as why
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

-- the first step of every playbook comes before the second step of any
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

-- the number of steps reserved in every plan for preparation and follow-up
kept_free as (

    select
        greatest(
            count(case when playbook = 'preparation' then 1 end),
            count(case when playbook = 'preparation_usage' then 1 end)
        ) + count(case when playbook = 'follow_up' then 1 end) as steps
    from playbook_steps

),

-- from here on, every part of the plan has the same columns
chosen as (

    select
        2 as part,
        ranked.cause_order,
        ranked.step_order,
        ranked.customer_id,
        ranked.rule_id,
        ranked.why,
        ranked.playbook,
        ranked.day_offset,
        cast(null as int) as days_after_contact,
        ranked.owner_role,
        ranked.channel,
        ranked.step,
        ranked.customer_offer
    from ranked
    cross join kept_free
    where
        ranked.step_rank <= greatest({{ var('playbook_most_steps') }} - kept_free.steps, 1)
        and (ranked.playbook != 'general' or ranked.has_playbook = 0)

),

ranked_usage_falls as (

    select
        customer_id,
        rule_id,
        reason,
        row_number() over (partition by customer_id order by rule_order) as rule_rank
    from firings
    where signal_name = 'usage_drop_pct'

),

usage_falls as (

    select *
    from ranked_usage_falls
    where rule_rank = 1

),

-- every plan begins with a look at the customer
preparations as (

    select
        1 as part,
        0 as cause_order,
        0 as step_order,
        spells.customer_id,
        usage_falls.rule_id,
        usage_falls.reason as why,
        playbook_steps.playbook,
        playbook_steps.day_offset,
        cast(null as int) as days_after_contact,
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

-- and every plan ends with a follow-up
follow_ups as (

    select
        3 as part,
        0 as cause_order,
        0 as step_order,
        last_offsets.customer_id,
        cast(null as string) as rule_id,
        cast(null as string) as why,
        playbook_steps.playbook,
        last_offsets.day_offset + playbook_steps.day_offset as day_offset,
        playbook_steps.day_offset as days_after_contact,
        playbook_steps.owner_role,
        playbook_steps.channel,
        playbook_steps.step,
        playbook_steps.customer_offer
    from last_offsets
    cross join playbook_steps
    where playbook_steps.playbook = 'follow_up'

),

steps as (

    select * from preparations
    union all
    select * from chosen
    union all
    select * from follow_ups

),

dated as (

    select
        steps.*,
        spells.account_id,
        spells.known_since,
        customers.csm_name,
        -- counted from a day that does not change between builds
        spells.known_since + cast(
            steps.day_offset
            + case
                when renewals.is_renewal_near then {{ start_days['renewal'] }}
                when spells.risk_level = 'High' then {{ start_days['high'] }}
                else {{ start_days['medium'] }}
            end
            as int
        ) as planned_date,
        last_contacts.occurred_on + cast(steps.days_after_contact as int) as date_after_contact
    from steps
    inner join spells on steps.customer_id = spells.customer_id
    inner join customers on steps.customer_id = customers.customer_id
    inner join renewals on steps.customer_id = renewals.customer_id
    left join last_contacts on steps.customer_id = last_contacts.customer_id

),

action_steps as (

    select
        dated.customer_id,
        dated.account_id,
        cast(row_number() over (
            partition by dated.customer_id
            order by dated.part, dated.day_offset, dated.cause_order, dated.step_order, dated.step
        ) as bigint) as step_number,
        dated.step,
        dated.rule_id,
        dated.why,
        coalesce(dated.csm_name, dated.owner_role) as owner,
        dated.channel,
        -- a late contact moves the follow-up, so that every customer at risk has a next step
        case
            when dated.date_after_contact > dated.planned_date then dated.date_after_contact
            else dated.planned_date
        end as due_date,
        dated.known_since,
        dated.playbook,
        dated.customer_offer
    from dated

)

select * from action_steps
