{#
    Loads a seed in DuckDB. The adapter's own implementation fails when the project's path contains
    an apostrophe. It also reads files from the original folder when the project was copied together
    with its target/.
#}
{% macro duckdb__load_csv_rows(model, agate_table) %}
    {%- set statement -%}
    copy {{ this }} from {{ sql_text(found_folder('')['path'] ~ '/' ~ model['original_file_path']) }}
        (format csv, header true, delimiter {{ sql_text(model['config'].get('delimiter', ',')) }})
    {%- endset -%}
    {%- do adapter.add_query(statement, abridge_sql_log=true) -%}
    {{ return(statement) }}
{% endmacro %}
