-- one row per rule set, kind of signals, backtest date and customer active on it
with

signals as (

    select * from {{ ref('int_customer_signals') }}

),

outcomes as (

    select * from {{ ref('int_backtest_outcomes') }}

),

judged as (

    select
        signals.*,
        outcomes.ended_on,
        outcomes.account_churned_on
    from signals
    inner join outcomes
        on signals.as_of_date = outcomes.as_of_date
        and signals.customer_id = outcomes.customer_id

),

scored as (

    {% for ruleset_name in var('risk_rulesets') -%}
    {%- set ruleset_loop = loop -%}
    {%- for signals in backtest_signals() -%}
    {%- set rules = active_rules(ruleset_name) -%}
    {%- if signals == 'dated signals only' -%}
    {%- set rules = rules | selectattr('dated') -%}
    {%- endif -%}
    select
        '{{ ruleset_name }}' as ruleset,
        '{{ signals }}' as signals,
        as_of_date,
        customer_id,
        account_id,
        ended_on,
        account_churned_on,
        cast(least(
            0
            {%- for rule in rules %}
            + coalesce({{ rule_points(rule) | indent(12) }}, 0)
            {%- endfor %},
            100
        ) as int) as risk_score
    from judged
    {% if not (loop.last and ruleset_loop.last) %}
    union all

    {% endif %}
    {%- endfor -%}
    {%- endfor %}

),

levelled as (

    select
        *,
        case ruleset
            {%- for ruleset_name in var('risk_rulesets') %}
            when '{{ ruleset_name }}' then {{ risk_level('risk_score', ruleset_name) | indent(16) }}
            {%- endfor %}
        end as risk_level
    from scored

)

select * from levelled
