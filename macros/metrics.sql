{# The metrics that more than one mart shows. Each is defined once, here. #}

{# A ratio, mean or rule value as published: six decimal places. #}
{% macro published_ratio(value) -%}
    {{ rounded_decimal(value) }}
{%- endmacro %}

{# A part of a whole as published; null when the whole is zero. #}
{% macro share(part, whole) -%}
    {{ published_ratio(exact_ratio(part, whole)) }}
{%- endmacro %}

{# The same as `share`, for a part that may be a fraction. #}
{% macro decimal_share(part, whole) -%}
    {{ rounded_fraction('cast(' ~ part ~ ' as double) / nullif(cast(' ~ whole ~ ' as double), 0)') }}
{%- endmacro %}

{# Aggregate: the mean as published, of values with at most six decimal places. #}
{% macro average(value) -%}
    {%- set millionths = 'sum(' ~ value ~ ') * 1000000' -%}
    {{ published_ratio(exact_ratio(millionths, 'count(' ~ value ~ ')', digits=6)) }}
{%- endmacro %}

{# ARR at risk, as every mart defines it: active customers at High or Medium. #}
{% macro arr_at_risk() -%}
    cast(coalesce(
        sum(arr) filter (where is_active and risk_level in ('High', 'Medium')), 0
    ) as decimal(18, 2))
{%- endmacro %}

{#
    The figures of the reporting marts for a group of customers, over the columns of
    `customer_risk`.
#}
{% macro risk_profile() -%}
    count(*) as customers,
    {{ average('risk_score') }} as avg_risk_score,
    count(*) filter (where risk_level = 'High') as high,
    count(*) filter (where risk_level = 'Medium') as medium,
    count(*) filter (where risk_level = 'Low') as low,
    cast(coalesce(sum(arr), 0) as decimal(18, 2)) as total_arr,
    {{ arr_at_risk() }} as arr_at_risk
{%- endmacro %}

{# The figures of the reporting marts for a group of churn events. #}
{% macro churn_profile() -%}
    count(*) as churn_events,
    count(distinct account_id) as accounts,
    cast(coalesce(sum(refund_amount_usd), 0) as decimal(18, 2)) as refund_amount_usd,
    count(*) filter (where preceding_upgrade_flag) as after_upgrade,
    count(*) filter (where preceding_downgrade_flag) as after_downgrade
{%- endmacro %}

{# A change in words, for example "rose by 3 to 14". #}
{% macro change_in_words(value, change) -%}
    case
        when {{ change }} > 0 then 'rose by ' || {{ with_commas(change) }} || ' to '
        when {{ change }} < 0 then 'fell by ' || {{ with_commas('-' ~ change) }} || ' to '
        else 'stayed at '
    end || {{ with_commas(value) }}
{%- endmacro %}
