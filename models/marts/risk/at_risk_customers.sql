-- one row per customer at High or Medium risk, including ended customers
with

customer_risk as (

    select * from {{ ref('customer_risk') }}

),

contacts as (

    select * from {{ ref('int_customer_contacts') }}

),

renewals as (

    select * from {{ ref('int_renewals') }}

),

at_risk as (

    select
        customer_risk.*,
        renewals.next_renewal_date,
        renewals.is_renewal_estimated,
        renewals.is_renewal_near,
        contacts.last_outcome,
        contacts.last_contact_date,
        contacts.days_since_contact,
        contacts.days_since_account_contact,
        contacts.next_step,
        contacts.next_step_owner,
        contacts.next_step_due,
        contacts.is_overdue,
        contacts.snoozed_until,
        case
            when contacts.snoozed_until is not null then 'snoozed'
            when contacts.is_overdue then 'overdue'
            when
                customer_risk.risk_score_prev_week is null
                or {{ risk_level('customer_risk.risk_score_prev_week') | indent(16) }} = 'Low'
                then 'new'
            when customer_risk.risk_score_change > 0 then 'worse'
            when customer_risk.risk_score_change < 0 then 'better'
            else 'unchanged'
        end as list_status,
        cast(row_number() over (
            order by
                customer_risk.risk_score desc,
                customer_risk.arr desc nulls last,
                customer_risk.customer_id
        ) as bigint) as risk_rank
    from customer_risk
    inner join renewals on customer_risk.customer_id = renewals.customer_id
    inner join contacts on customer_risk.customer_id = contacts.customer_id
    where customer_risk.risk_level in ('High', 'Medium')

),

-- the order of contact
prioritised as (

    select
        customer_id,
        cast(row_number() over (
            order by
                case when snoozed_until is null then 1 else 2 end,
                -- paying customers come before others
                case when arr > 0 then 1 else 2 end,
                case risk_level when 'High' then 1 when 'Medium' then 2 else 3 end,
                case when is_renewal_near then 1 else 2 end,
                -- customers with a recent contact come later
                case
                    when days_since_account_contact <= {{ var('contact_pause_days') }} then 2
                    else 1
                end,
                case usage_evidence when 'thin' then 2 when 'incomplete window' then 3 else 1 end,
                risk_score desc,
                weeks_at_risk desc nulls last,
                arr desc nulls last,
                customer_id
        ) as bigint) as contact_priority
    from at_risk
    where is_active

),

at_risk_customers as (

    select
        at_risk.*,
        prioritised.contact_priority
    from at_risk
    left join prioritised on at_risk.customer_id = prioritised.customer_id

)

select * from at_risk_customers
order by risk_rank
