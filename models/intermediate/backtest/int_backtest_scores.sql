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

-- one column a rule set and kind of signals: the rules read each customer once
scored as (

    select
        {%- for ruleset_name in var('risk_rulesets') %}
        {%- set ruleset_number = loop.index %}
        {%- for signals in backtest_signals() %}
        {%- set rules = active_rules(ruleset_name) %}
        {%- if signals == 'dated signals only' %}
        {%- set rules = rules | selectattr('dated') %}
        {%- endif %}
        cast(least(
        0
        {%- for rule in rules %}
        + coalesce({{ rule_points(rule) | indent(8) }}, 0)
        {%- endfor %},
        100
    ) as int) as score_{{ ruleset_number }}_{{ loop.index }},
        {%- endfor %}
        {%- endfor %}
        as_of_date,
        customer_id,
        account_id,
        ended_on,
        account_churned_on
    from judged

),

scores as (

    {% for ruleset_name in var('risk_rulesets') -%}
    {%- set ruleset_loop = loop -%}
    {%- for signals in backtest_signals() -%}
    {%- set score = 'score_' ~ ruleset_loop.index ~ '_' ~ loop.index -%}
    select
        '{{ ruleset_name }}' as ruleset,
        '{{ signals }}' as signals,
        as_of_date,
        customer_id,
        account_id,
        ended_on,
        account_churned_on,
        {{ score }} as risk_score,
        {{ risk_level(score, ruleset_name) | indent(4) }} as risk_level
    from scored
    {% if not (loop.last and ruleset_loop.last) %}
    union all

    {% endif %}
    {%- endfor -%}
    {%- endfor %}

)

select * from scores
