-- one row per account with an active customer at risk: one call a company
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

at_risk_totals as (

    select
        account_id,
        count(*) as customers_at_risk,
        cast(coalesce(sum(arr), 0) as decimal(18, 2)) as arr_at_risk,
        min(contact_priority) as worst_priority
    from at_risk_customers
    where is_active
    group by account_id

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
        worst_customers.last_outcome,
        worst_customers.last_contact_date,
        worst_customers.days_since_contact,
        worst_customers.next_step,
        worst_customers.next_step_owner,
        worst_customers.next_step_due,
        worst_customers.is_overdue,
        worst_customers.snoozed_until,
        worst_customers.list_status,
        row_number() over (order by at_risk_totals.worst_priority) as contact_priority
    from at_risk_totals
    inner join account_totals on at_risk_totals.account_id = account_totals.account_id
    -- the worst customer of each account: priorities are unique
    inner join at_risk_customers as worst_customers
        on at_risk_totals.worst_priority = worst_customers.contact_priority

)

select * from at_risk_accounts
order by contact_priority
