{#
    Reads the store: data that was produced here and cannot be rebuilt, as `sources: store`
    describes it.
#}

{#
    The rows of a table in the store, with these columns (name -> type); no rows when nothing has
    been stored yet. The folder `a/b` contains the table of the source `a_b`. A value of the wrong
    type stops the build, and so does a null in a column listed in `always_known`.
#}
{% macro stored_rows(folder, columns, always_known=[]) -%}
    {%- set table_name = folder | replace('/', '_') -%}
    {#- registers the source for the lineage -#}
    {%- do source('store', table_name) -%}
    {%- set path = (env_var('CHURN_STORE_DIR', '') or 'data') ~ '/' ~ folder -%}
    {%- set exists = any_file_exists(path) -%}
    {%- set files = rows_of_files(path) -%}
    {#- files written by an earlier release may lack a column -#}
    {%- set found = column_names(files) if exists else [] -%}
    select
        {%- for column, type in columns.items() %}
        {{ stored_value(column if column in found else 'null', column, type, exists and column in always_known)
            | indent(8) }} as {{ column }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    {% if exists -%}
    from {{ files }}
    {%- else -%}
    where false
    {%- endif %}
{%- endmacro %}

{#
    A value from a file of the store, cast to its type. An unreadable value stops the build with a
    message.
#}
{% macro stored_value(value, column, type, is_always_known) -%}
    {%- set read = try_cast(value, type) -%}
    {%- set is_moment = type in ['date', 'timestamp'] -%}
    {%- if value == 'null' and not is_always_known -%}
        cast(null as {{ type }})
    {%- elif type == 'string' and not is_always_known -%}
        cast({{ value }} as string)
    {%- else -%}
        case
            {%- if value != 'null' %}
            when
                {{ value }} is not null
                and {% if is_moment -%}
                    coalesce(extract(year from {{ read }}), 0) not between 1 and 9999
                {%- else -%}
                    {{ read }} is null
                {%- endif %}
                then {{ stop_for_stored_value(
                    column, "' holds ''' || left(cast(" ~ value ~ " as string), 100) || ''', which is no " ~ type ~ ".'"
                ) }}
            {%- endif %}
            {%- if is_always_known %}
            when {{ value }} is null then {{ stop_for_stored_value(column, "' is empty in a row.'") }}
            {%- endif %}
            else {{ read }}
        end
    {%- endif -%}
{%- endmacro %}

{% macro stop_for_stored_value(column, what) -%}
    {{ stop_build(
        stored_file_name() ~ " || ': the column " ~ column ~ "' || " ~ what
        ~ " || ' Restore the file from a copy, or move it elsewhere.'"
    ) }}
{%- endmacro %}
