{#
    Files that are read in place. A relative path starts in the project's folder, regardless of
    where dbt was started; an address (s3a://...) stays unchanged.
#}

{#
    A folder as the engine sees it: its absolute `path` and the `names` in it. There are no names
    while parsing, or when the folder does not exist. A folder that exists but cannot be listed
    stops the build: treating it as empty would hide what was stored.
#}
{% macro found_folder(folder) %}
    {%- if not execute -%}{{ return({'path': folder, 'names': []}) }}{%- endif -%}
    {%- set found = adapter.dispatch('found_folder', 'churn')(folder) -%}
    {%- if found['problem'] -%}{%- do exceptions.raise_compiler_error(found['problem']) -%}{%- endif -%}
    {{ return(found) }}
{% endmacro %}
{% macro default__found_folder(folder) %}
    {#-
        the plugin provides this function, because DuckDB's `glob` treats an unreadable folder as
        empty
    -#}
    {%- set row = run_query(
        'select found.path, found.names, found.problem'
        ~ ' from (select found_folder(' ~ sql_text(folder) ~ ') as found) as folders'
    ).rows[0] -%}
    {{ return({'path': row[0], 'names': row[1].split('/') if row[1] else [], 'problem': row[2]}) }}
{% endmacro %}
{% macro spark__found_folder(folder) %}
    {%- set path = spark_path(folder) -%}
    {#-
        Spark cannot list files with a function, but reads a list of files as a table; a missing
        folder gives an empty table
    -#}
    {#- a unique name, because two models or builds may list the same folder at the same time -#}
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

{# An absolute path. Spark would resolve a relative one inside its warehouse folder. #}
{% macro spark_path(path) %}
    {%- if path.startswith('/') or '://' in path -%}{{ return(path) }}{%- endif -%}
    {%- set project = invocation_args_dict.get('project_dir') or '' -%}
    {%- if project.startswith('/') -%}{{ return(project ~ '/' ~ path) }}{%- endif -%}
    {%- set started_in = run_query("select reflect('java.lang.System', 'getProperty', 'user.dir')").rows[0][0] -%}
    {{ return([started_in, project, path] | select | join('/')) }}
{% endmacro %}

{#
    Whether a folder contains a file with this name. True while parsing, so that dbt registers its
    source.
#}
{% macro file_exists(folder, name) %}
    {{ return(not execute or name in found_folder(folder)['names']) }}
{% endmacro %}

{# Whether a folder contains any Parquet file. True while parsing. #}
{% macro any_file_exists(folder) %}
    {%- for name in found_folder(folder)['names'] if name.endswith('.parquet') -%}{{ return(true) }}{%- endfor -%}
    {{ return(not execute) }}
{% endmacro %}

{# The rows of one Parquet file, or of all Parquet files in a folder. #}
{% macro rows_of_files(folder, name='*.parquet') %}
    {{ return(adapter.dispatch('rows_of_files', 'churn')(glob_pattern(found_folder(folder)['path']) ~ '/' ~ name)) }}
{% endmacro %}
{% macro default__rows_of_files(files) %}
    {{ return('read_parquet(' ~ sql_text(files) ~ ', union_by_name = true)') }}
{% endmacro %}
{% macro spark__rows_of_files(files) %}
    {{ return('parquet.`' ~ files | replace('`', '``') ~ '`') }}
{% endmacro %}
