-- one row per active rule: how many customers it fired for
with

rules as (

    select * from {{ ref('risk_rules') }}

),

firings as (

    select * from {{ ref('risk_rule_firings') }}

),

customer_risk as (

    select * from {{ ref('customer_risk') }}

),

drivers as (

    select
        rule_id,
        rule_order,
        driver_label
    from rules
    where is_enabled
    group by rule_id, rule_order, driver_label

),

fired as (

    select
        firings.rule_id,
        count(*) as customers,
        sum(customer_risk.arr) as arr
    from firings
    inner join customer_risk on firings.customer_id = customer_risk.customer_id
    group by firings.rule_id

),

totals as (

    select count(*) as customers
    from customer_risk

),

churn_drivers as (

    select
        drivers.rule_id,
        drivers.driver_label,
        coalesce(fired.customers, 0) as customers,
        {{ share('coalesce(fired.customers, 0)', 'totals.customers') }} as share,
        cast(coalesce(fired.arr, 0) as decimal(18, 2)) as arr
    from drivers
    cross join totals
    left join fired on drivers.rule_id = fired.rule_id

)

select * from churn_drivers
order by customers desc, rule_id
