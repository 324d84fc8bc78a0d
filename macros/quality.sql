{# What the quality marts ask of every source table. #}

{# `union all` of one select a table; the caller block gives the select. #}
{% macro for_each_saas_table() -%}
    {%- for table_name in var('saas_tables') %}
    {{ caller(table_name) }}
    {% if not loop.last -%}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{# One finding about the rows that meet a condition; no row when none does. #}
{% macro row_finding(table_name, column_name, issue, example, rows, condition) -%}
    select
        '{{ table_name }}' as table_name,
        {{ "'" ~ column_name ~ "'" if column_name else 'cast(null as string)' }} as column_name,
        '{{ issue }}' as issue,
        count(*) as row_count,
        min({{ example }}) as example
    from {{ rows }}
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
    {%- for table_name in var('saas_tables') -%}
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
    {%- for table_name, table in var('saas_tables').items() -%}
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
