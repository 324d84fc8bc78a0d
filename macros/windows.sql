{#
    The windows that every signal looks through. They all end at the as-of date; the suffix `_30d`
    of a column means these.
#}

{# The first day of each window; the current one ends at the as-of date, the prior one before it. #}
{% macro current_window_start(as_of_date) -%}
    {{ as_of_date }} - 30
{%- endmacro %}
{% macro prior_window_start(as_of_date) -%}
    {{ as_of_date }} - 60
{%- endmacro %}

{# as_of - 30 days <= date <= as_of, both ends in. Usage, errors, tickets, cancellation intent. #}
{% macro in_current_window(date, as_of_date) -%}
    {{ date }} between {{ current_window_start(as_of_date) }} and {{ as_of_date }}
{%- endmacro %}

{# as_of - 60 days <= date < as_of - 30 days. #}
{% macro in_prior_window(date, as_of_date) -%}
    {{ date }} >= {{ prior_window_start(as_of_date) }} and {{ date }} < {{ current_window_start(as_of_date) }}
{%- endmacro %}

{# The two windows together. #}
{% macro in_both_windows(date, as_of_date) -%}
    {{ date }} between {{ prior_window_start(as_of_date) }} and {{ as_of_date }}
{%- endmacro %}

{# What is known of a ticket only once it is closed, as of a date; null before. #}
{% macro known_when_closed(tickets, column, as_of_date) -%}
    case
        when {{ tickets }}.closed_at is null
            or cast({{ tickets }}.closed_at as date) <= {{ as_of_date }}
            then {{ tickets }}.{{ column }}
    end
{%- endmacro %}

{# The order of an account's tickets of which the first has the score that counts. Two may collide on one id: then the lower score. #}
{% macro latest_score_first() -%}
    submitted_at desc, ticket_id desc, satisfaction_score asc nulls last
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

{# Whether a message counts for a customer: what an account says is not about those that are gone. #}
{% macro is_about_customer(churn_intents, customers, as_of_date) -%}
    (not {{ churn_intents }}.is_account_level or {{ runs_on(customers ~ '.end_date', as_of_date) }})
{%- endmacro %}

{# 0, 1, 2, ..., as many as asked for, in a column `number`. Of none, one is left out: `values` needs a row. #}
{% macro numbers(how_many) -%}
    select number
    from (values {% for number in range(how_many or 1) %}({{ number }}){{ ', ' if not loop.last }}{% endfor %}) as numbers (number)
    {%- if not how_many %}
    where false
    {%- endif %}
{%- endmacro %}

{# The outcome of a warning: as_of < date <= as_of + horizon. #}
{% macro in_horizon(date, as_of_date) -%}
    {{ date }} > {{ as_of_date }} and {{ date }} <= {{ as_of_date }} + {{ var('backtest_horizon_days') }}
{%- endmacro %}
