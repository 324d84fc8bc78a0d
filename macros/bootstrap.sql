{#
    Confidence intervals by bootstrap over accounts: every account gets a random weight in each
    replicate, the figure is computed anew with these weights, and the middle 95% of the replicates
    are the interval. Accounts, not customers and dates, because what happens to one account in one
    week says little that its other customers and weeks do not say, too.

    Weights and sums stand in one column a replicate: adding columns is what engines are fast at.
#}

{# The numbers of the replicates: 0 to 199. #}
{% macro bootstrap_replicates() %}
    {{ return(range(checked_var('backtest_replicates')) | list) }}
{% endmacro %}

{#
    Poisson(1) from the first 32 bits of md5(account_id|replicate): the limits are the cumulated
    probabilities of 0, 1, 2, ... times 2^32, rounded up. Hexadecimal text sorts as its numbers do,
    so this is the same on every engine.
#}
{% macro poisson_limits() %}
    {{ return([
        '5e2d58d9', 'bc5ab1b2', 'eb715e1e', 'fb239798', 'ff1025f6', 'ffd90f3c',
        'fffa8b72', 'ffff540d', 'ffffed20', 'fffffe22', 'ffffffd5', 'fffffffd',
    ]) }}
{% endmacro %}

{% macro poisson_weight(hash) -%}
    case
        {%- for limit in poisson_limits() %}
        when {{ hash }} < '{{ limit }}' then {{ loop.index0 }}
        {%- endfor %}
        else {{ poisson_limits() | length }}
    end
{%- endmacro %}

{# `expression` once a replicate, {n} being its number, as `name`; joined with commas. #}
{% macro each_replicate(expression, name) -%}
    {%- for replicate in bootstrap_replicates() %}
    {{ expression | replace('{n}', replicate) }} as {{ name | replace('{n}', replicate) }}
    {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The replicates of a figure (`name` with {n}) in order, without those in which it is null. #}
{% macro sorted_replicates(name) -%}
    {%- set columns = [] -%}
    {%- for replicate in bootstrap_replicates() -%}
        {%- do columns.append(name | replace('{n}', replicate)) -%}
    {%- endfor -%}
    {{ sorted_list(columns) }}
{%- endmacro %}

{# The ends of the 95% interval: of 200 sorted replicates the 5th and the 196th. #}
{% macro interval_low(replicates) -%}
    {{ list_item(replicates, lower_rank(replicates)) }}
{%- endmacro %}

{% macro interval_high(replicates) -%}
    {{ list_item(replicates, list_length(replicates) ~ ' + 1 - ' ~ lower_rank(replicates)) }}
{%- endmacro %}

{% macro lower_rank(replicates) -%}
    cast(floor(({{ list_length(replicates) }} * 25 + 999) / 1000.0) as int)
{%- endmacro %}

{# The same, null where it has no width: that is no interval, but too little data for one. #}
{% macro proper_interval_low(replicates) -%}
    case
        when {{ interval_low(replicates) }} < {{ interval_high(replicates) }}
            then {{ interval_low(replicates) }}
    end
{%- endmacro %}

{% macro proper_interval_high(replicates) -%}
    case
        when {{ interval_low(replicates) }} < {{ interval_high(replicates) }}
            then {{ interval_high(replicates) }}
    end
{%- endmacro %}
