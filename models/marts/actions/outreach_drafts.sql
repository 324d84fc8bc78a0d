-- one row per active customer at risk: an e-mail draft to it, and a message to colleagues
with

spells as (

    select * from {{ ref('int_risk_spells') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

scores as (

    select customer_scores.*
    from {{ ref('int_customer_scores') }} as customer_scores
    inner join spells
        on customer_scores.customer_id = spells.customer_id
        and customer_scores.as_of_date = spells.as_of_date

),

firings as (

    select
        *,
        row_number() over (partition by customer_id order by points desc, rule_order) as strength
    from {{ ref('int_rule_evaluations') }}
    where fired

),

strongest as (

    select *
    from firings
    where strength = 1

),

templates as (

    select * from {{ ref('outreach_templates') }}

),

action_steps as (

    select * from {{ ref('int_action_steps') }}

),

ranked_offers as (

    select
        action_steps.customer_id,
        action_steps.customer_offer,
        -- offers for the strongest reason come first
        row_number() over (
            partition by action_steps.customer_id
            order by
                case when action_steps.playbook = strongest.playbook then 1 else 2 end,
                action_steps.step_number
        ) as offer_number
    from action_steps
    left join strongest on action_steps.customer_id = strongest.customer_id
    where action_steps.customer_offer is not null

),

offers as (

    select
        customer_id,
        {{ joined_in_order("'- ' || customer_offer", 'offer_number', '\n') }} as offers
    from ranked_offers
    where offer_number <= 3
    group by customer_id

),

first_steps as (

    select *
    from action_steps
    where step_number = 1

),

values_to_fill_in as (

    select
        spells.customer_id,
        spells.account_id,
        templates.template,
        templates.subject,
        templates.email_body,
        coalesce(
            nullif({{ one_line('customers.account_name') }}, ''), customers.account_id
        ) as account_name,
        coalesce(
            'your ' || {{ filled_in('customers.plan_tier') }} || ' plan', 'your plan'
        ) as plan,
        coalesce(strongest.customer_phrase, '') as customer_phrase,
        coalesce(offers.offers, '- a short call') as offers,
        coalesce({{ filled_in('customers.csm_name') }}, 'Your customer success team') as sender,
        spells.risk_level,
        spells.risk_score,
        customers.arr,
        customers.plan_tier,
        scores.top_reasons,
        scores.recommended_actions,
        first_steps.owner,
        first_steps.due_date
    from spells
    inner join customers on spells.customer_id = customers.customer_id
    inner join scores on spells.customer_id = scores.customer_id
    inner join first_steps on spells.customer_id = first_steps.customer_id
    left join strongest on spells.customer_id = strongest.customer_id
    left join offers on spells.customer_id = offers.customer_id
    inner join templates
        on templates.template = case
            when strongest.playbook in (select listed.template from templates as listed)
                and strongest.customer_phrase != '' then strongest.playbook
            else 'general'
        end

),

outreach_drafts as (

    select
        customer_id,
        account_id,
        template,
        -- the name is shortened so that the subject has at most 78 characters
        replace(
            subject,
            '{account_name}',
            case
                when length(subject) - length('{account_name}') + length(account_name) <= 78
                    then account_name
                else left(account_name, 77 - length(subject) + length('{account_name}')) || '…'
            end
        ) as email_subject,
        -- the name is filled in last, so that placeholders in it are not replaced
        replace(
            replace(
                replace(
                    replace(
                        replace(email_body, '{customer_phrase}', customer_phrase), '{plan}', plan
                    ),
                    '{offers}', offers
                ),
                '{sender}', sender
            ),
            '{account_name}', account_name
        ) as email_body,
        '*' || {{ slack_text('account_name') }} || '* (' || {{ slack_text('customer_id') }} || '): '
        || risk_level || ' risk, score ' || cast(risk_score as string)
        || coalesce(', ARR ' || {{ with_commas('arr') }}, '')
        || coalesce(', plan ' || {{ slack_text('plan_tier') }}, '')
        || coalesce(chr(10) || 'Why: ' || {{ slack_text('top_reasons') }}, '')
        || chr(10) || 'Next: ' || {{ slack_text('recommended_actions') }}
        || chr(10) || 'Owner: ' || {{ slack_text('owner') }}
        || ', first step due ' || cast(due_date as string) as slack_message
    from values_to_fill_in

)

select * from outreach_drafts
order by customer_id
