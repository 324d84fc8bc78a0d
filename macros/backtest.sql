{# What the backtest compares. Each name is defined once, here. #}

{# The definitions of leaving: label -> the column of `int_backtest_outcomes` with the date. #}
{% macro churn_labels() %}
    {{ return({'subscription_ended': 'ended_on', 'account_churned': 'account_churned_on'}) }}
{% endmacro %}

{# The sets of rules that score: all rules, or only those whose input is known for a past date. #}
{% macro backtest_signals() %}
    {{ return(['all rules', 'dated signals only']) }}
{% endmacro %}

{# The headline verdict: the active rule set, on inputs that cannot leak the future. #}
{% macro is_headline(label, ruleset, signals) -%}
    {{ label }} = 'subscription_ended'
    and {{ ruleset }} = '{{ var("risk_ruleset") }}'
    and {{ signals }} = 'dated signals only'
{%- endmacro %}

{# Risk-level groups: name -> condition. #}
{% macro flagged_groups() %}
    {{ return({
        'high': "risk_level = 'High'",
        'medium_or_above': "risk_level in ('High', 'Medium')",
    }) }}
{% endmacro %}

{#
    Accuracy of the warnings, over the columns of `int_backtest_counts`. Precision is the share of
    the flagged customers who left. Recall is the share of the churners who were flagged. Lift is
    precision divided by the base rate.
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
