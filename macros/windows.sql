{#
    The windows that every signal looks through. They all end at the as-of date; the suffix `_30d`
    of a column means these.
#}

{# as_of - 30 days <= date <= as_of, both ends in. Usage, errors, tickets, cancellation intent. #}
{% macro in_current_window(date, as_of_date) -%}
    {{ date }} between {{ as_of_date }} - 30 and {{ as_of_date }}
{%- endmacro %}

{# as_of - 60 days <= date < as_of - 30 days. #}
{% macro in_prior_window(date, as_of_date) -%}
    {{ date }} >= {{ as_of_date }} - 60 and {{ date }} < {{ as_of_date }} - 30
{%- endmacro %}

{# The two windows together. #}
{% macro in_both_windows(date, as_of_date) -%}
    {{ date }} between {{ as_of_date }} - 60 and {{ as_of_date }}
{%- endmacro %}

{# Fewer days than this since the start: the prior window is not yet complete. #}
{% macro both_windows_days() -%}
    60
{%- endmacro %}

{# The latest Sunday that is not after a date. 1899-12-31 was one. #}
{% macro sunday_on_or_before(date) -%}
    {{ date }} - cast({{ days_between("cast('1899-12-31' as date)", date) }} % 7 as int)
{%- endmacro %}

{# Whether a subscription that has started has not ended by a date. #}
{% macro runs_on(end_date, as_of_date) -%}
    ({{ end_date }} is null or {{ end_date }} > {{ as_of_date }})
{%- endmacro %}

{# 0, 1, 2, ..., as many as asked for, in a column `number`. #}
{% macro numbers(how_many) -%}
    select number
    from (values {% for number in range(how_many) %}({{ number }}){{ ', ' if not loop.last }}{% endfor %}) as numbers (number)
{%- endmacro %}

{# The outcome of a warning: as_of < date <= as_of + horizon. #}
{% macro in_horizon(date, as_of_date) -%}
    {{ date }} > {{ as_of_date }} and {{ date }} <= {{ as_of_date }} + {{ var('backtest_horizon_days') }}
{%- endmacro %}
