{#
    How DuckDB loads a seed. The adapter's own way fails where the path of the project has an apostrophe,
    and reads the files of another folder where the project was copied with its target/.
#}
{% macro duckdb__load_csv_rows(model, agate_table) %}
    {%- set statement -%}
    copy {{ this }} from {{ sql_text(found_folder('')['path'] ~ '/' ~ model['original_file_path']) }}
        (format csv, header true, delimiter {{ sql_text(model['config'].get('delimiter', ',')) }})
    {%- endset -%}
    {%- do adapter.add_query(statement, abridge_sql_log=true) -%}
    {{ return(statement) }}
{% endmacro %}
