-- the worst customer of an account is its own active customer with the lowest contact priority
with

first_customers as (

    select
        account_id,
        min(contact_priority) as contact_priority
    from {{ ref('at_risk_customers') }}
    where is_active
    group by account_id

)

select
    coalesce(at_risk.account_id, first_customers.account_id) as account_id,
    at_risk.worst_customer_id
from {{ ref('at_risk_accounts') }} as at_risk
full outer join first_customers on at_risk.account_id = first_customers.account_id
left join {{ ref('at_risk_customers') }} as customers
    on at_risk.worst_customer_id = customers.customer_id
    and at_risk.account_id = customers.account_id
    and customers.is_active
where customers.contact_priority is distinct from first_customers.contact_priority
