{# What the backtest compares, named once. #}

{# What counts as leaving: label -> the column of `int_backtest_outcomes` with the date. #}
{% macro churn_labels() %}
    {{ return({'subscription_ended': 'ended_on', 'account_churned': 'account_churned_on'}) }}
{% endmacro %}

{# Which rules score: all of them, or those whose input is known as of a past date. #}
{% macro backtest_signals() %}
    {{ return(['all rules', 'dated signals only']) }}
{% endmacro %}

{# The verdict people are shown: of the rules that score today, on inputs that cannot leak. #}
{% macro is_headline(label, ruleset, signals) -%}
    {{ label }} = 'subscription_ended'
    and {{ ruleset }} = '{{ var("risk_ruleset") }}'
    and {{ signals }} = 'dated signals only'
{%- endmacro %}

{# Whom a level names: name -> condition. #}
{% macro flagged_groups() %}
    {{ return({
        'high': "risk_level = 'High'",
        'medium_or_above': "risk_level in ('High', 'Medium')",
    }) }}
{% endmacro %}

{#
    How well the warnings did, over the columns of `int_backtest_counts`: of those named, the share
    that left (precision); of those that left, the share named (recall); precision against the base
    rate (lift).
#}
{% macro hit_rates() -%}
    {{ share('churners', 'customers') }} as base_rate,
    {%- for group in flagged_groups() | list + ['top_decile'] %}
    {{ decimal_share('churners_' ~ group, 'customers_' ~ group) }} as precision_{{ group }},
    {{ decimal_share('churners_' ~ group, 'churners') }} as recall_{{ group }},
    {{ decimal_share(
        'churners_' ~ group ~ ' * customers', 'customers_' ~ group ~ ' * churners'
    ) }} as lift_{{ group }}
    {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
