{# What the quality marts need to know about every source table. #}

{# `union all` of one select per table; the caller block provides the select. #}
{% macro for_each_saas_table() -%}
    {%- for table_name in checked_var('saas_tables') %}
    {{ caller(table_name) }}
    {% if not loop.last -%}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{#
    One finding about the rows that meet a condition; no row when none does. `rows` counts the rows.
#}
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

{# Optional columns that a cast may have emptied: column name -> type. #}
{% macro typed_optional_columns(table_name) %}
    {%- set columns = {} -%}
    {%- for column, type in saas_table(table_name)['optional'].items() if type not in ['id', 'text'] -%}
        {%- do columns.update({column: type}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}

{# The same columns of every table, as a list of (table, column). #}
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
    Optional columns that a file may lack, as a list of (table, column). Text columns of messages
    are left out, because any one of them is enough.
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
    The columns in a table's file; [] when an optional table was not provided. Without a built
    warehouse, the configured columns, so that the project still compiles.
#}
{% macro source_column_names(table_name) %}
    {%- set relation = raw_relation(table_name) -%}
    {%- if relation is none -%}{{ return([]) }}{%- endif -%}
    {%- set found = column_names(relation) or saas_columns(table_name) | list -%}
    {{ return(found | reject('equalto', '_row_number') | list) }}
{% endmacro %}

{# The column by which people identify a row of a table. #}
{% macro row_id_column(table_name) %}
    {%- set table = saas_table(table_name) -%}
    {{ return(table.get('unique_key') or table.get('event_id')) }}
{% endmacro %}

{# The event tables, whose ids may collide: name -> table. #}
{% macro saas_event_tables() %}
    {%- set tables = {} -%}
    {%- for table_name, table in checked_var('saas_tables').items() if table.get('event_id') -%}
        {%- do tables.update({table_name: table}) -%}
    {%- endfor -%}
    {{ return(tables) }}
{% endmacro %}

{# Counts the rows of a file that have a value in each column: one row per column. #}
{% macro column_counts(table_name) %}
    {%- set found = source_column_names(table_name) -%}
    {#- rendered only once and reused for each column, because a file may have hundreds -#}
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
        {# for a column that is never read, the file contains hashes -#}
        {{ sql_text(column.removeprefix('_hash_')) }} as column_name,
        row_count,
        filled_{{ loop.index }} as filled_rows
    from counted
    {% if not loop.last -%}
    union all
    {% endif %}
    {%- endfor %}
{% endmacro %}
