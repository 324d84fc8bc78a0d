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
    How many rows of a file have a value in each of its columns: one row a column, of the rows behind
    a place in the file; none where none came since.
#}
{% macro column_counts(table_name, since=none) %}
    {%- set found = source_column_names(table_name) -%}
    {#- told once, for whichever column: a file may have hundreds -#}
    {%- set filled = is_filled('{value}') | trim -%}
    with

    counted as (

        select
            count(*) as row_count,
            max({{ row_number_in_file() }}) as last_row_number
            {%- for column in found %},
            count(case when {{ filled | replace('{value}', 'cast(' ~ quoted(column) ~ ' as string)') }} then 1 end) as filled_{{ loop.index }}
            {%- endfor %}
        from {{ raw_relation(table_name) }}
        {%- if since %}
        where {{ row_number_in_file() }} > {{ since }}
        having count(*) > 0
        {%- endif %}

    )

    {% for column in found -%}
    select
        last_row_number,
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

{# The same of a table that grows: the rows that came since are counted, and added to those before. #}
{% macro column_counts_so_far(table_name) %}
    {%- set since = last_row_number('last_row_number') if is_incremental() else none -%}
    with

    new_rows as (

        {{ column_counts(table_name, since) | indent(8) }}

    ),

    columns_so_far as (

        select
            new_rows.last_row_number,
            new_rows.column_name,
            new_rows.row_count + {{ 'built.row_count' if is_incremental() else 0 }} as row_count,
            new_rows.filled_rows + {{ 'built.filled_rows' if is_incremental() else 0 }} as filled_rows,
            {{ fingerprint() }}
        from new_rows
        {%- if is_incremental() %}
        inner join {{ this }} as built on new_rows.column_name = built.column_name
        {%- endif %}

    )

    select * from columns_so_far
{% endmacro %}
