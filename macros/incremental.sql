{# Queries of the incremental models of usage and tickets against their existing rows. #}

{# The single value that a query returns; none while parsing, or when the query returns no row. #}
{% macro first_value(query) %}
    {%- set found = run_query(query) if execute else none -%}
    {{ return(found.columns[0].values()[0] if found else none) }}
{% endmacro %}

{# The place in its file of the last row in an incremental table; 0 if it is empty. #}
{% macro last_row_number(column='_row_number') %}
    {{ return(first_value('select max(' ~ column ~ ') from ' ~ this) or 0) }}
{% endmacro %}

{#
    The lateness cut-off: late-arriving usage dated before this day waits for a full refresh. It is
    counted back from the last usage date of a known subscription in the built table, as the as-of
    date is.
#}
{% macro first_day_to_add() -%}
    {%- set until = " and usage_date <= cast('" ~ configured_as_of_date() ~ "' as date)"
        if configured_as_of_date() is not none else '' -%}
    {%- set last_of_all = 'select max(usage_date) from ' ~ this ~ " where row_fate = 'staged'" ~ until -%}
    {%- set last_of_known = last_of_all
        ~ ' and subscription_id in (select subscription_id from ' ~ ref('stg_saas__subscriptions') ~ ')' -%}
    {#-
        usually a known subscription has usage on the last day of all, so the first query is enough
    -#}
    {%- set last_date = first_value(last_of_known ~ ' and usage_date = (' ~ last_of_all ~ ')')
        or first_value(last_of_known) -%}
    cast('{{ last_date or '0001-01-01' }}' as date) - {{ var('late_arrival_days') }}
{%- endmacro %}

{#
    The rows added to a growing file since the last build, and earlier rows with the same ids;
    `same` is the operator that compares ids.
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
    {#- looked up beforehand, so that the engine can skip the earlier part of the file -#}
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
