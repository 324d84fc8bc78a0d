{#
    The windows of all signals. They all end at the as-of date; the suffix `_30d` of a column refers
    to them.
#}

{#
    The first day of each window. The current window ends at the as-of date, the prior one just
    before the current one.
#}
{% macro current_window_start(as_of_date) -%}
    {{ as_of_date }} - 30
{%- endmacro %}
{% macro prior_window_start(as_of_date) -%}
    {{ as_of_date }} - 60
{%- endmacro %}

{#
    as_of - 30 days <= date <= as_of, both ends included. For usage, errors, tickets and
    cancellation intent.
#}
{% macro in_current_window(date, as_of_date) -%}
    {{ date }} between {{ current_window_start(as_of_date) }} and {{ as_of_date }}
{%- endmacro %}

{# as_of - 60 days <= date < as_of - 30 days. #}
{% macro in_prior_window(date, as_of_date) -%}
    {{ date }} >= {{ prior_window_start(as_of_date) }} and {{ date }} < {{ current_window_start(as_of_date) }}
{%- endmacro %}

{# Both windows together. #}
{% macro in_both_windows(date, as_of_date) -%}
    {{ date }} between {{ prior_window_start(as_of_date) }} and {{ as_of_date }}
{%- endmacro %}

{# A ticket's value that is only known once the ticket is closed; null before that. #}
{% macro known_when_closed(tickets, column, as_of_date) -%}
    case
        when {{ tickets }}.closed_at is null
            or cast({{ tickets }}.closed_at as date) <= {{ as_of_date }}
            then {{ tickets }}.{{ column }}
    end
{%- endmacro %}

{#
    The order of an account's tickets in which the first one has the score that counts. If two
    tickets share an id, the lower score counts.
#}
{% macro latest_score_first() -%}
    submitted_at desc, ticket_id desc, satisfaction_score asc nulls last
{%- endmacro %}

{# The tenure in days from which the prior window is complete. #}
{% macro both_windows_days() -%}
    60
{%- endmacro %}

{# The latest Sunday on or before a date. 1899-12-31 was a Sunday. #}
{% macro sunday_on_or_before(date) -%}
    {{ date }} - cast({{ days_between("cast('1899-12-31' as date)", date) }} % 7 as int)
{%- endmacro %}

{# Whether a subscription that has started is still running after a date. #}
{% macro runs_on(end_date, as_of_date) -%}
    ({{ end_date }} is null or {{ end_date }} > {{ as_of_date }})
{%- endmacro %}

{#
    Whether a message counts for a customer. An account's message does not count for customers who
    have left.
#}
{% macro is_about_customer(churn_intents, customers, as_of_date) -%}
    (not {{ churn_intents }}.is_account_level or {{ runs_on(customers ~ '.end_date', as_of_date) }})
{%- endmacro %}

{#
    The first `how_many` numbers 0, 1, 2, ... in a column `number`. `values` needs a row, so for
    zero one row is generated and filtered out.
#}
{% macro numbers(how_many) -%}
    select number
    from (values {% for number in range(how_many or 1) %}({{ number }}){{ ', ' if not loop.last }}{% endfor %}) as numbers (number)
    {%- if not how_many %}
    where false
    {%- endif %}
{%- endmacro %}

{# The horizon of a warning: as_of < date <= as_of + horizon. #}
{% macro in_horizon(date, as_of_date) -%}
    {{ date }} > {{ as_of_date }} and {{ date }} <= {{ as_of_date }} + {{ var('backtest_horizon_days') }}
{%- endmacro %}
