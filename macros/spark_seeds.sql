{#
    How Spark loads a seed. The adapter's own way writes the word None where nothing stands, and
    leaves quotes and backslashes as they are. Here the rows travel as one JSON text, so that they
    stand in the file in their order.
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
