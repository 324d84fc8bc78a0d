-- one row per customer at High or Medium risk, ended ones too
with

customer_risk as (

    select * from {{ ref('customer_risk') }}

),

at_risk as (

    select
        *,
        row_number() over (
            order by risk_score desc, arr desc nulls last, customer_id
        ) as risk_rank
    from customer_risk
    where risk_level in ('High', 'Medium')

),

prioritised as (

    select
        customer_id,
        row_number() over (order by {{ contact_order() }}) as contact_priority
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
