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

-- the rules read each customer once, for all sets of scores
rule_points as (

    select
        {%- for ruleset_name in var('risk_rulesets') %}
        {%- set ruleset_number = loop.index %}
        {%- for rule in active_rules(ruleset_name) %}
        {%- set column = 'points_' ~ ruleset_number ~ '_' ~ rule['id'] %}
        coalesce({{ rule_points(rule) | indent(4) }}, 0) as {{ column }},
        {%- endfor %}
        {%- endfor %}
        as_of_date,
        customer_id,
        account_id,
        ended_on,
        account_churned_on
    from judged

),

scored as (

    {% for ruleset_name in var('risk_rulesets') -%}
    {%- set ruleset_loop = loop -%}
    {%- for signals in backtest_signals() -%}
    {%- set points = [] -%}
    {%- for rule in active_rules(ruleset_name) if rule['dated'] or signals == 'all rules' -%}
    {%- do points.append('points_' ~ ruleset_loop.index ~ '_' ~ rule['id']) -%}
    {%- endfor -%}
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
            {%- for column in points %}
            + {{ column }}
            {%- endfor %},
            100
        ) as int) as risk_score
    from rule_points
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
