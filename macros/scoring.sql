{#
    Translates the rule configuration to SQL: plain CASE expressions for each rule, over the columns
    of `int_customer_signals`. The compiled models are as readable as the rules.
#}

{# The condition of one band, as an expression over its signal. #}
{% macro band_condition(rule, band) -%}
    {%- set operator = band_operator(band) -%}
    {%- set limit = band[operator] -%}
    {%- if risk_signals()[rule['signal']]['kind'] == 'flag' -%}
        {{ '' if limit else 'not ' }}{{ rule['signal'] }}
    {%- elif operator == 'between' -%}
        {{ rule['signal'] }} between {{ limit[0] }} and {{ limit[1] }}
    {%- else -%}
        {{ rule['signal'] }} {{ {'at_least': '>=', 'at_most': '<=', 'equals': '='}[operator] }} {{ limit }}
    {%- endif -%}
{%- endmacro %}

{#
    The reason of one band, with {value} and {percent} (a whole percentage, rounded down) filled in.
#}
{% macro band_reason(rule, band) -%}
    {%- set signal = rule['signal'] -%}
    {%- set is_count = risk_signals()[signal]['kind'] == 'count' -%}
    {%- set number = signal if is_count else 'cast(' ~ signal ~ ' as decimal(18, 2))' -%}
    {%- set percent = 'cast(floor(cast(' ~ signal ~ ' as decimal(28, 12)) * 100) as bigint)' -%}
    {{ sql_text(band['reason'])
        | replace('{value}', "' || cast(" ~ number ~ " as string) || '")
        | replace('{percent}', "' || cast(" ~ percent ~ " as string) || '%") }}
{%- endmacro %}

{# Points of a rule; null when no band matches. #}
{% macro rule_points(rule) -%}
    case
        {%- for band in rule['bands'] %}
        when {{ band_condition(rule, band) }} then {{ band['points'] }}
        {%- endfor %}
    end
{%- endmacro %}

{# Reason of a rule; null when no band matches. #}
{% macro rule_reason(rule) -%}
    case
        {%- for band in rule['bands'] %}
        when {{ band_condition(rule, band) }} then {{ band_reason(rule, band) }}
        {%- endfor %}
    end
{%- endmacro %}

{# The action group of one band, as an SQL literal or null. #}
{% macro band_action_group_text(rule, band) -%}
    {%- set group = band_action_group(rule, band) -%}
    {{ sql_text(group) if group else 'cast(null as string)' }}
{%- endmacro %}

{# The playbook of a rule as an SQL literal or null, for rules whose bands have no action group. #}
{% macro rule_playbook(rule) -%}
    {{ sql_text(rule['playbook']) if 'playbook' in rule else 'null' }}
{%- endmacro %}

{# The action group that a rule calls for; null when no band matches, or the band has none. #}
{% macro rule_action_group(rule) -%}
    case
        {%- for band in rule['bands'] %}
        when {{ band_condition(rule, band) }} then {{ band_action_group_text(rule, band) }}
        {%- endfor %}
    end
{%- endmacro %}

{# A signal as a number; flags are 0 and 1. #}
{% macro signal_number(rule) -%}
    {%- if risk_signals()[rule['signal']]['kind'] == 'flag' -%}
        cast({{ rule['signal'] }} as int)
    {%- else -%}
        {{ rule['signal'] }}
    {%- endif -%}
{%- endmacro %}

{# The limit of a band as a number: 1 for true, the upper end for a range. #}
{% macro band_limit(band) -%}
    {%- set limit = band[band_operator(band)] -%}
    {{ limit | int if limit is boolean else limit[1] if band_operator(band) == 'between' else limit }}
{%- endmacro %}

{# Limit of the band that fired; null when none did. #}
{% macro rule_threshold(rule) -%}
    case
        {%- for band in rule['bands'] %}
        when {{ band_condition(rule, band) }} then {{ band_limit(band) }}
        {%- endfor %}
    end
{%- endmacro %}

{#
    About the next more severe band: the distance of the signal from it (`gap`), its `threshold` or
    its `points`. Null at the most severe band, for a missing signal, and for ranges, which have no
    direction.
#}
{% macro rule_next_band(rule, what) -%}
    {%- set number = signal_number(rule) -%}
    {%- if band_operator(rule['bands'][0]) == 'between' -%}
    null
    {%- else -%}
    case
        {%- for band in rule['bands'] | reverse %}
        {%- set limit = band_limit(band) %}
        {%- set values = {'threshold': limit, 'points': band['points']} %}
        {%- if band_operator(band) == 'at_least' or limit == '1' and risk_signals()[rule['signal']]['kind'] == 'flag' %}
        when {{ number }} < {{ limit }} then {{ values.get(what, limit ~ ' - ' ~ number) }}
        {%- else %}
        when {{ number }} > {{ limit }} then {{ values.get(what, number ~ ' - ' ~ limit) }}
        {%- endif %}
        {%- endfor %}
    end
    {%- endif -%}
{%- endmacro %}

{# High, Medium or Low, by the levels of a rule set (by default, the active one). #}
{% macro risk_level(score, ruleset_name=none) -%}
    {%- set levels = ruleset(ruleset_name)['levels'] -%}
    case
        when {{ score }} >= {{ levels['high'] }} then 'High'
        when {{ score }} >= {{ levels['medium'] }} then 'Medium'
        else 'Low'
    end
{%- endmacro %}

{#
    The columns of `int_customer_scores` with the points of each rule. `from_rows_only`: only rules
    with a dated signal that comes from source rows, not from a language model's reading of
    messages.
#}
{% macro points_columns(from_rows_only=false) %}
    {%- set columns = [] -%}
    {%- for rule in active_rules() -%}
        {%- if not from_rows_only or (
            rule['dated'] and risk_signals()[rule['signal']]['source'] != 'ticket_messages'
        ) -%}
            {%- do columns.append(rule['id'] ~ '_points') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}
