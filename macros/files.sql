{#
    Files that are read where they are. A relative path begins in the project's folder, wherever dbt
    was started; an address (s3a://...) stays as it is.
#}

{#
    What an engine finds at a folder: its absolute `path` and the `names` in it, none where there is no
    such folder, and while parsing. A folder that is there and cannot be listed stops the build: taken
    as an empty one, it would hide what was stored.
#}
{% macro found_folder(folder) %}
    {%- if not execute -%}{{ return({'path': folder, 'names': []}) }}{%- endif -%}
    {%- set found = adapter.dispatch('found_folder', 'churn')(folder) -%}
    {%- if found['problem'] -%}{%- do exceptions.raise_compiler_error(found['problem']) -%}{%- endif -%}
    {{ return(found) }}
{% endmacro %}
{% macro default__found_folder(folder) %}
    {#- the function is the plugin's: DuckDB's `glob` takes a folder that it cannot read for an empty one -#}
    {%- set row = run_query(
        'select found.path, found.names, found.problem'
        ~ ' from (select found_folder(' ~ sql_text(folder) ~ ') as found) as folders'
    ).rows[0] -%}
    {{ return({'path': row[0], 'names': row[1].split('/') if row[1] else [], 'problem': row[2]}) }}
{% endmacro %}
{% macro spark__found_folder(folder) %}
    {%- set path = spark_path(folder) -%}
    {#- Spark has no function that lists files, but a table of them, which is empty where there is no folder -#}
    {#- a name of its own: two models, or builds, may ask for the same folder at once -#}
    {%- set listing = 'default.files_' ~ local_md5(folder ~ invocation_id ~ (model.unique_id if model else '')) -%}
    {%- do run_query('drop table if exists ' ~ listing) -%}
    {%- do run_query(
        'create table ' ~ listing
        ~ ' (path string, modificationTime timestamp_ltz, length bigint, content binary)'
        ~ ' using binaryFile options (path ' ~ sql_text(glob_pattern(path)) ~ ')'
    ) -%}
    {%- set rows = run_query(
        "select element_at(split(path, '/'), -1), endswith(path, " ~ sql_text(path) ~ ') from ' ~ listing
    ).rows -%}
    {%- do run_query('drop table ' ~ listing) -%}
    {%- set is_file = rows | length == 1 and rows[0][1] -%}
    {{ return({
        'path': path,
        'names': rows | map(attribute=0) | list,
        'problem': path ~ ' is a file, not a folder. Move it away.' if is_file else none,
    }) }}
{% endmacro %}

{# An absolute path for Spark, which would look for a table's files in its warehouse. #}
{% macro spark_path(path) %}
    {%- if path.startswith('/') or '://' in path -%}{{ return(path) }}{%- endif -%}
    {%- set project = invocation_args_dict.get('project_dir') or '' -%}
    {%- if project.startswith('/') -%}{{ return(project ~ '/' ~ path) }}{%- endif -%}
    {%- set started_in = run_query("select reflect('java.lang.System', 'getProperty', 'user.dir')").rows[0][0] -%}
    {{ return([started_in, project, path] | select | join('/')) }}
{% endmacro %}

{# Whether a folder holds a file of this name; true while parsing, so that its source is known. #}
{% macro file_exists(folder, name) %}
    {{ return(not execute or name in found_folder(folder)['names']) }}
{% endmacro %}

{# Whether a folder holds any Parquet file; true while parsing. #}
{% macro any_file_exists(folder) %}
    {%- for name in found_folder(folder)['names'] if name.endswith('.parquet') -%}{{ return(true) }}{%- endfor -%}
    {{ return(not execute) }}
{% endmacro %}

{# The rows of a Parquet file, or of all of a folder. #}
{% macro rows_of_files(folder, name='*.parquet') %}
    {{ return(adapter.dispatch('rows_of_files', 'churn')(glob_pattern(found_folder(folder)['path']) ~ '/' ~ name)) }}
{% endmacro %}
{% macro default__rows_of_files(files) %}
    {{ return('read_parquet(' ~ sql_text(files) ~ ', union_by_name = true)') }}
{% endmacro %}
{% macro spark__rows_of_files(files) %}
    {{ return('parquet.`' ~ files | replace('`', '``') ~ '`') }}
{% endmacro %}
