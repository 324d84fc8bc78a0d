-- one row per as-of date and customer: points, reason and action group of every rule, null where it did not fire
with

signals as (

    select * from {{ ref('int_customer_signals') }}

),

rule_points as (

    select
        *
        {%- for rule in active_rules() %},

        {{ rule_points(rule) | indent(8) }} as {{ rule['id'] }}_points,
        {{ rule_reason(rule) | indent(8) }} as {{ rule['id'] }}_reason,
        {{ rule_action_group(rule) | indent(8) }} as {{ rule['id'] }}_action_group
        {%- endfor %}
    from signals

)

select * from rule_points
