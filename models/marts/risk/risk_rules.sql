-- one row per rule and band of the active rule set, as configured
with

rules as (

    {% for rule in ruleset()['rules'] -%}
    {%- set rule_loop = loop -%}
    {%- for band in rule['bands'] -%}
    select
        '{{ var("risk_ruleset") }}' as ruleset,
        '{{ rule['id'] }}' as rule_id,
        {{ rule_loop.index }} as rule_order,
        {{ loop.index }} as band_order,
        {{ sql_text(rule['label']) }} as driver_label,
        '{{ rule['signal'] }}' as signal_name,
        {{ sql_text(risk_signals()[rule['signal']]['unit']) }} as signal_unit,
        {{ rule['dated'] | lower }} as is_dated,
        {{ sql_text(band_condition(rule, band)) }} as band_condition,
        '{{ band_operator(band) }}' as band_operator,
        cast({{ band_limit(band) }} as decimal(18, 6)) as threshold,
        {{ band['points'] }} as points,
        {{ sql_text(band['reason']) }} as reason,
        {{ band_action_group_text(rule, band) }} as action_group,
        {{ sql_text(rule['evidence']) if rule.get('evidence') else 'cast(null as string)' }}
            as evidence,
        {{ (rule['id'] not in var('disabled_risk_rules')) | lower }} as is_enabled
    {% if not (loop.last and rule_loop.last) %}
    union all

    {% endif %}
    {%- endfor -%}
    {%- endfor %}

)

select * from rules
order by rule_order, band_order
