-- one row per customer and rule of the active rule set: the signal value and the result
{{ config(materialized='view') }}
with

evaluations as (

    select
        customer_id,
        rule_id,
        rule_order,
        signal_name,
        signal_value,
        fired,
        threshold,
        points,
        reason,
        gap_to_next_band,
        next_threshold,
        next_points
    from {{ ref('int_rule_evaluations') }}

)

select * from evaluations
order by customer_id, rule_order
