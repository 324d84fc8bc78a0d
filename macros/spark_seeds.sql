{#
    Loads a seed in Spark. The adapter's own implementation writes the word None for missing values,
    and does not escape quotes and backslashes. Here the rows are passed as one JSON text, which
    also keeps their order.
#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set rows = [] -%}
    {%- for row in agate_table.rows -%}
        {%- set values = [] -%}
        {%- for value in row -%}
            {%- do values.append(none if value is none else value | string) -%}
        {%- endfor -%}
        {%- do rows.append(values) -%}
    {%- endfor -%}
    {%- set statement -%}
    insert into {{ this }}
    select
        {%- for column in agate_table.column_names %}
        cast(row_values[{{ loop.index0 }}] as {{ types.get(column) or adapter.convert_type(agate_table, loop.index0) }})
        {{- ',' if not loop.last }}
        {%- endfor %}
    from (
        select explode(from_json({{ sql_text(tojson(rows)) }}, 'array<array<string>>')) as row_values
    )
    {%- endset -%}
    {%- do adapter.add_query(statement, abridge_sql_log=true) -%}
    {{ return(statement[:1000]) }}
{% endmacro %}
