{# What the backtest compares, named once. #}

{# What counts as leaving: label -> the column of `int_backtest_outcomes` with the date. #}
{% macro churn_labels() %}
    {{ return({'subscription_ended': 'ended_on', 'account_churned': 'account_churned_on'}) }}
{% endmacro %}

{# Which rules score: all of them, or those whose input is known as of a past date. #}
{% macro backtest_signals() %}
    {{ return(['all rules', 'dated signals only']) }}
{% endmacro %}

{% macro backtest_rules(ruleset_name, signals) %}
    {%- set rules = active_rules(ruleset_name) -%}
    {{ return(rules | selectattr('dated') | list if signals == 'dated signals only' else rules) }}
{% endmacro %}

{# The verdict people are shown: of the rules that score today, on inputs that cannot leak. #}
{% macro is_headline(label, ruleset, signals) -%}
    {{ label }} = 'subscription_ended'
    and {{ ruleset }} = '{{ var("risk_ruleset") }}'
    and {{ signals }} = 'dated signals only'
{%- endmacro %}

{# The points of rules, straight from the signals. #}
{% macro points_of_rules(rules) -%}
    0
    {%- for rule in rules %}
    + coalesce({{ rule_points(rule) | indent(4) }}, 0)
    {%- endfor %}
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

{#
    With fewer churned customers, or fewer accounts, there is no verdict, whatever the AUC: an account
    counts as one observation. The limits are fixed, so that verdicts cannot be tuned.
#}
{% macro least_churned_customers() -%}
    30
{%- endmacro %}

{% macro least_churned_accounts() -%}
    10
{%- endmacro %}

{# Over the columns of `backtest_verdicts`. #}
{% macro verdict() -%}
    case
        when churned_customers < {{ least_churned_customers() }} then 'not enough churners'
        when churned_accounts < {{ least_churned_accounts() }} then 'not enough churners'
        when auc_low > 0.5 and auc >= 0.55 then 'predictive'
        when auc_high < 0.5 and auc <= 0.45 then 'inverse'
        else 'no evidence'
    end
{%- endmacro %}

{# A fraction of 1 as whole percents. #}
{% macro percent_text(fraction) -%}
    cast(cast({{ fraction }} * 100 as decimal(18, 0)) as string) || '%'
{%- endmacro %}

{# The verdict as a person would say it, over the columns of `backtest_verdicts`. #}
{% macro verdict_in_words() -%}
    {%- set horizon = var('backtest_horizon_days') -%}
    case
        {%- if var('backtest_weeks') == 0 %}
        when dates = 0 then 'Not judged: the backtest is switched off (backtest_weeks is 0).'
        {%- endif %}
        when dates = 0
            then 'Not judged: the data does not reach back far enough to look {{ horizon }} days'
                || ' ahead.'
        when verdict = 'not enough churners'
            then 'Not judged: only ' || cast(churned_customers as string)
                || case churned_customers when 1 then ' customer' else ' customers' end
                || ' of ' || cast(churned_accounts as string)
                || case churned_accounts when 1 then ' account' else ' accounts' end
                || ' left within {{ horizon }} days of a date that can be judged;'
                || ' {{ least_churned_customers() }} of {{ least_churned_accounts() }} are needed.'
        when auc is null
            then 'Not judged: on every date, all of the customers left, or none.'
        else
            case
                when verdict = 'predictive' then 'The warnings came true more often than chance: '
                when verdict = 'inverse' then 'The warnings pointed the wrong way: '
                when auc_low > 0.5 or auc_high < 0.5
                    then 'No evidence of use, the difference is too small: '
                else 'No evidence that the warnings mean anything on this data: '
            end
            || 'of a customer that left within {{ horizon }} days and one that stayed, the score put'
            || ' the one that left first ' || {{ percent_text('auc') }}
            || ' of the time, a tie counting half (95% interval ' || {{ percent_text('auc_low') }}
            || ' to ' || {{ percent_text('auc_high') }} || '; a coin: 50%).'
    end
{%- endmacro %}
