{# What the incremental models of usage and tickets ask of the rows that they already hold. #}

{# The only value that a query gives; none while parsing, and where it gives no row. #}
{% macro first_value(query) %}
    {%- set found = run_query(query) if execute else none -%}
    {{ return(found.columns[0].values()[0] if found else none) }}
{% endmacro %}

{# The place in its file of the last row that is in a growing table. #}
{% macro last_row_number(column='_row_number') %}
    {{ return(first_value('select max(' ~ column ~ ') from ' ~ this)) }}
{% endmacro %}

{#
    Usage that is dated before this day and comes now comes too late: it waits for a full refresh. It is
    counted from the last day that was built, of subscriptions that are known, as the as-of date is.
#}
{% macro first_day_to_add() -%}
    {%- set until = " and usage_date <= cast('" ~ configured_as_of_date() ~ "' as date)"
        if configured_as_of_date() is not none else '' -%}
    {%- set last_of_all = 'select max(usage_date) from ' ~ this ~ " where row_fate = 'staged'" ~ until -%}
    {%- set last_of_known = last_of_all
        ~ ' and subscription_id in (select subscription_id from ' ~ ref('stg_saas__subscriptions') ~ ')' -%}
    {#- nearly always somebody known has usage on the last day of all: then no other day is looked at -#}
    {%- set last_date = first_value(last_of_known ~ ' and usage_date = (' ~ last_of_all ~ ')')
        or first_value(last_of_known) -%}
    cast('{{ last_date or '0001-01-01' }}' as date) - {{ var('late_arrival_days') }}
{%- endmacro %}

{#
    The rows of a growing file that came since the last build, and the earlier ones that share an id
    with them; `same` compares ids.
#}
{% macro rows_since_the_last_build(base, id_column, same) -%}
    {%- set last = last_row_number() -%}
    {%- set sharing %}
        select earlier._row_number
        from {{ this }} as earlier
        inner join (
            select {{ trimmed(id_column) }} as id
            from {{ base }}
            where _row_number > {{ last }}
            group by {{ trimmed(id_column) }}
        ) as new_ids on earlier.{{ id_column }} {{ same }} new_ids.id
    {%- endset -%}
    {#- known before the query runs, so that the engine passes over what lies before in the file -#}
    {%- set first = first_value('select min(_row_number) from (' ~ sharing ~ ') as sharing') -%}
    select *
    from {{ base }}
    where
        _row_number > {{ last }}
        {%- if first is not none %}
        or (
            _row_number >= {{ first }}
            and _row_number in ({{ sharing }})
        )
        {%- endif %}
{%- endmacro %}
