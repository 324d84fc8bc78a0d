{# What the quality marts ask of every source table. #}

{# `union all` of one select a table; the caller block gives the select. #}
{% macro for_each_saas_table() -%}
    {%- for table_name in checked_var('saas_tables') %}
    {{ caller(table_name) }}
    {% if not loop.last -%}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{# One finding about the rows that meet a condition; no row when none does. `rows` says how many there are. #}
{% macro row_finding(table_name, column_name, issue, example, relation, condition, rows='count(*)') -%}
    select
        '{{ table_name }}' as table_name,
        {{ "'" ~ column_name ~ "'" if column_name else 'cast(null as string)' }} as column_name,
        '{{ issue }}' as issue,
        cast({{ rows }} as bigint) as row_count,
        min({{ example }}) as example
    from {{ relation }}
    where {{ condition }}
    having count(*) > 0
{%- endmacro %}

{# Optional columns whose values a cast may have lost: column name -> type. #}
{% macro typed_optional_columns(table_name) %}
    {%- set columns = {} -%}
    {%- for column, type in saas_table(table_name)['optional'].items() if type not in ['id', 'text'] -%}
        {%- do columns.update({column: type}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}

{# The same for every table, as a list of (table, column). #}
{% macro every_typed_optional_column() %}
    {%- set columns = [] -%}
    {%- for table_name in checked_var('saas_tables') -%}
        {%- for column in typed_optional_columns(table_name) -%}
            {%- do columns.append((table_name, column)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}

{#
    Optional columns that a file may lack, as a list of (table, column). Of the text columns of
    messages any one will do, so none of them is missed.
#}
{% macro every_optional_column() %}
    {%- set columns = [] -%}
    {%- for table_name, table in checked_var('saas_tables').items() -%}
        {%- for column in table['optional'] if column not in table.get('text_columns', []) -%}
            {%- do columns.append((table_name, column)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}

{#
    The columns that a table's file has; [] when an optional table was not given. To compile without
    a built warehouse, the configured ones.
#}
{% macro source_column_names(table_name) %}
    {%- set relation = raw_relation(table_name) -%}
    {%- if relation is none -%}{{ return([]) }}{%- endif -%}
    {%- set found = column_names(relation) or saas_columns(table_name) | list -%}
    {{ return(found | reject('equalto', '_row_number') | list) }}
{% endmacro %}

{# The column that names a row of a table to a person. #}
{% macro row_id_column(table_name) %}
    {%- set table = saas_table(table_name) -%}
    {{ return(table.get('unique_key') or table.get('event_id')) }}
{% endmacro %}

{# The tables of events, whose ids may collide: name -> table. #}
{% macro saas_event_tables() %}
    {%- set tables = {} -%}
    {%- for table_name, table in checked_var('saas_tables').items() if table.get('event_id') -%}
        {%- do tables.update({table_name: table}) -%}
    {%- endfor -%}
    {{ return(tables) }}
{% endmacro %}

{#
    How many rows of a file have a value in each of its columns: one row a column.
#}
{% macro column_counts(table_name) %}
    {%- set found = source_column_names(table_name) -%}
    {#- told once, for whichever column: a file may have hundreds -#}
    {%- set filled = is_filled('{value}') | trim -%}
    with

    counted as (

        select
            count(*) as row_count
            {%- for column in found %},
            count(case when {{ filled | replace('{value}', 'cast(' ~ quoted(column) ~ ' as string)') }} then 1 end) as filled_{{ loop.index }}
            {%- endfor %}
        from {{ raw_relation(table_name) }}

    )

    {% for column in found -%}
    select
        {# of a column that is never read, the file holds hashes -#}
        {{ sql_text(column.removeprefix('_hash_')) }} as column_name,
        row_count,
        filled_{{ loop.index }} as filled_rows
    from counted
    {% if not loop.last -%}
    union all
    {% endif %}
    {%- endfor %}
{% endmacro %}
