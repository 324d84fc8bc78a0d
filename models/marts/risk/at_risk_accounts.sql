-- one row per account with an active customer at risk, because people call companies
with

customer_risk as (

    select * from {{ ref('customer_risk') }}

),

at_risk_customers as (

    select * from {{ ref('at_risk_customers') }}

),

account_totals as (

    select
        account_id,
        count(*) as active_customers,
        cast(coalesce(sum(arr), 0) as decimal(18, 2)) as arr
    from customer_risk
    where is_active
    group by account_id

),

contacts as (

    select * from {{ ref('int_customer_contacts') }}

),

at_risk_totals as (

    select
        account_id,
        count(*) as customers_at_risk,
        cast(coalesce(sum(arr), 0) as decimal(18, 2)) as arr_at_risk,
        min(contact_priority) as worst_priority,
        -- snoozed customers come last: if the first customer is snoozed, all are
        max(case when list_status = 'overdue' then 1 else 0 end) = 1 as is_overdue
    from at_risk_customers
    where is_active
    group by account_id

),

ranked_steps as (

    select
        account_id,
        next_step,
        next_step_owner,
        next_step_due,
        row_number() over (
            partition by account_id order by next_step_due nulls last, contact_priority
        ) as step_rank
    from at_risk_customers
    where is_active and snoozed_until is null

),

next_steps as (

    select *
    from ranked_steps
    where step_rank = 1

),

at_risk_accounts as (

    select
        worst_customers.account_id,
        worst_customers.account_name,
        worst_customers.industry,
        worst_customers.country,
        worst_customers.csm_name,
        account_totals.active_customers,
        at_risk_totals.customers_at_risk,
        account_totals.arr,
        at_risk_totals.arr_at_risk,
        worst_customers.customer_id as worst_customer_id,
        worst_customers.risk_score,
        worst_customers.risk_level,
        worst_customers.risk_score_prev_week,
        worst_customers.risk_score_change,
        worst_customers.weeks_at_risk,
        worst_customers.first_at_risk_date,
        worst_customers.top_reasons,
        worst_customers.recommended_actions,
        worst_customers.next_renewal_date,
        worst_customers.is_renewal_estimated,
        contacts.last_account_outcome as last_outcome,
        contacts.last_account_contact_date as last_contact_date,
        contacts.days_since_account_contact as days_since_contact,
        coalesce(next_steps.next_step, worst_customers.next_step) as next_step,
        coalesce(next_steps.next_step_owner, worst_customers.next_step_owner) as next_step_owner,
        coalesce(next_steps.next_step_due, worst_customers.next_step_due) as next_step_due,
        at_risk_totals.is_overdue,
        worst_customers.snoozed_until,
        case
            when at_risk_totals.is_overdue then 'overdue'
            else worst_customers.list_status
        end as list_status,
        cast(row_number() over (order by at_risk_totals.worst_priority) as bigint)
            as contact_priority
    from at_risk_totals
    inner join account_totals on at_risk_totals.account_id = account_totals.account_id
    -- the worst customer of each account: priorities are unique
    inner join at_risk_customers as worst_customers
        on at_risk_totals.worst_priority = worst_customers.contact_priority
    inner join contacts on worst_customers.customer_id = contacts.customer_id
    -- null if all customers at risk are snoozed
    left join next_steps on at_risk_totals.account_id = next_steps.account_id

)

select * from at_risk_accounts
order by contact_priority
