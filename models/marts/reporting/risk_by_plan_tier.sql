-- one row per plan tier
with

customer_risk as (

    select * from {{ ref('customer_risk') }}

),

risk_by_plan_tier as (

    select
        coalesce(plan_tier, 'Unknown') as plan_tier,
        {{ risk_profile() | indent(8) }}
    from customer_risk
    group by 1

)

select * from risk_by_plan_tier
order by plan_tier
