{#
    From the sources to staging, in the same three steps for every table:

    base      the rows as they arrived: every column that the project reads, as text
    checked   the same rows, typed, with their fate: staged, rejected, an exact duplicate or pending
    staging   the rows that are staged

    The columns of each table are configured under `vars: saas_tables:` in dbt_project.yml.
#}

{% macro saas_table(table_name) %}
    {{ return(checked_var('saas_tables')[table_name]) }}
{% endmacro %}

{# Column name -> type, with the required columns first. #}
{% macro saas_columns(table_name) %}
    {%- set columns = {} -%}
    {%- do columns.update(saas_table(table_name)['required']) -%}
    {%- do columns.update(saas_table(table_name)['optional']) -%}
    {{ return(columns) }}
{% endmacro %}

{#
    The rows of a file that `churn load` wrote. The file `source_files` records where each table
    came from.
#}
{% macro loaded_file(name) %}
    {#- registers the source for the lineage -#}
    {%- do source('saas', name) -%}
    {{ return(rows_of_files(env_var('CHURN_DATA_DIR'), name ~ '.parquet')) }}
{% endmacro %}

{# The user's loaded file, or the bundled sample; none when an optional table was not provided. #}
{% macro raw_relation(table_name) %}
    {%- if not env_var('CHURN_DATA_DIR', '') -%}
        {{ return(none if saas_table(table_name).get('not_in_sample') else ref('raw_' ~ table_name)) }}
    {%- elif file_exists(env_var('CHURN_DATA_DIR'), table_name ~ '.parquet') -%}
        {{ return(loaded_file(table_name)) }}
    {%- elif saas_table(table_name).get('may_be_absent') -%}
        {{ return(none) }}
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            'CHURN_DATA_DIR is ' ~ env_var('CHURN_DATA_DIR') ~ ', which holds no ' ~ table_name
            ~ '.parquet. Load your data into it (make load DATA=...), or unset CHURN_DATA_DIR.'
        ) -%}
    {%- endif -%}
{% endmacro %}

{# Expression: the name of the file that the rows of a table came from. #}
{% macro source_file_name(table_name) -%}
    {%- if env_var('CHURN_DATA_DIR', '') -%}
    (
        select files.file_name
        from {{ loaded_file('source_files') }} as files
        where files.table_name = '{{ table_name }}'
    )
    {%- else -%}
    'seeds/saas/raw_{{ table_name }}.csv'
    {%- endif -%}
{%- endmacro %}

{#
    A text that is equal for two rows exactly when all their columns are equal. The lengths separate
    the values.
#}
{% macro row_text(texts) -%}
    concat(
        {%- for text in texts %}
        coalesce(length({{ text }}) || ':' || {{ text }}, '-')
        {{- ', ' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{# The 1-based position of a row in its file. #}
{% macro row_number_in_file() -%}
    {{ '_row_number' if env_var('CHURN_DATA_DIR', '') else seed_row_number() }}
{%- endmacro %}

{% macro base_rows(table_name) %}
    {%- set found = source_column_names(table_name) -%}
    {%- set texts = column_texts(raw_relation(table_name), found) if found else {} -%}
    select
        {% if not found -%}
        cast(null as bigint) as _row_number,
        cast(null as string) as _row_hash,
        cast(null as string) as _other_columns,
        {%- else -%}
        {%- set others = texts.items() | rejectattr(0, 'in', saas_columns(table_name)) | map('last') | list -%}
        cast({{ row_number_in_file() }} as bigint) as _row_number,
        md5({{ row_text(texts.values()) }}) as _row_hash,
        cast({{ row_text(others) if others else 'null' }} as string) as _other_columns,
        {%- endif %}
        {%- for column in saas_columns(table_name) %}
        {{ texts.get(column, 'cast(null as string)') }} as {{ column }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    {% if found -%}
    from {{ raw_relation(table_name) }}
    {%- else -%}
    where false
    {%- endif %}
{% endmacro %}

{#
    Each row gets the first fate that applies:
    - `duplicate`: an earlier row of the file is equal in every column. Usage rows are compared only
      if they have an id: two equal rows without one are two events.
    - `rejected`: a required value is missing or unreadable (the first such column is named), or
      another row with the same unique key was kept. The kept row has the latest or earliest date
      (`keep`); on a tie, its text sorts first, so that the order of the file does not matter.
    - `pending`: a late-arriving row, too late for what is already built; a full refresh stages it.
    - `staged`: all other rows.

    For a growing table, only the rows added since the last build are read, and earlier rows that
    share an id with them.
#}
{% macro checked_rows(table_name) %}
    {%- set table = saas_table(table_name) -%}
    {%- set columns = saas_columns(table_name) -%}
    {%- set id_column = row_id_column(table_name) -%}
    {%- set plain = ['id', 'text'] -%}
    {%- set typed = columns.items() | rejectattr(1, 'in', plain) | list -%}
    {%- set required = table['required'].items() | list -%}
    {%- set optional = typed_optional_columns(table_name).items() | list -%}
    {%- set base = ref('base_saas__' ~ table_name) -%}
    {%- set grown = table.get('grows') and is_incremental() -%}
    {#- whether rows without an id may be copies of each other -#}
    {%- set same = '=' if table.get('copies_need_id') else 'is not distinct from' -%}
    {#- no import CTE: engines would materialise the whole table when it is used more than once -#}
    {%- set source = 'grown' if grown else base -%}
    {%- set source_texts = [] -%}
    {%- for column in columns | list + ['_other_columns'] -%}
        {%- do source_texts.append('source.' ~ column) -%}
    {%- endfor -%}
    with

    {% if grown -%}
    grown as (

        {{ rows_since_the_last_build(base, id_column, same) | indent(8) }}

    ),

    {% endif -%}
    {% if id_column -%}
    repeated as (

        select {{ bucket(trimmed(id_column)) }} as bucket
        from {{ source }}
        group by {{ bucket(trimmed(id_column)) }}
        having count(*) > 1

    ),

    -- copies share an id, so only rows with a repeated id are compared in full
    compared as (

        select
            source._row_number,
            {%- if table.get('unique_key') %}
            {{ row_text(source_texts) | indent(12) }} as row_text,
            {{ read_value(trimmed('source.' ~ table['dated_by']), columns[table['dated_by']]) }} as dated_by,
            {%- for column, type in required %}
            {{ read_value(trimmed('source.' ~ column), type) }} is null{{ ' or' if not loop.last else ' as is_faulty,' }}
            {%- endfor %}
            {%- endif %}
            {{ trimmed('source.' ~ id_column) }} as row_id,
            row_number() over (
                partition by {{ row_text(source_texts) | indent(16) }}
                order by source._row_number
            ) as copy_number
        from {{ source }} as source
        inner join repeated on {{ bucket(trimmed('source.' ~ id_column)) }} = repeated.bucket
        {%- if table.get('copies_need_id') %}
        where {{ trimmed('source.' ~ id_column) }} is not null
        {%- endif %}

    ),

    sharing as (

        select
            _row_number,
            copy_number,
            {% if table.get('unique_key') -%}
            row_number() over (
                partition by row_id, is_faulty or copy_number > 1
                order by
                    dated_by {{ 'desc' if table['keep'] == 'latest' else 'asc' }} nulls last,
                    row_text,
                    _row_number
            ) as key_rank,
            {% endif -%}
            row_id is not null and count(*) over (partition by row_id) > 1 as is_id_repeated
        from compared

    ),
    {%- else -%}
    sharing as (

        select
            _row_number,
            false as is_id_repeated,
            row_number() over (partition by _row_hash order by _row_number) as copy_number
        from {{ source }}

    ),
    {%- endif %}

    trimmed as (

        select
            source._row_number,
            {%- if table.get('keeps_row_hash') %}
            source._row_hash,
            {%- endif %}
            {{ 'coalesce(sharing.key_rank, 1)' if table.get('unique_key') else 1 }} as key_rank,
            coalesce(sharing.copy_number > 1, false) as is_copy,
            coalesce(sharing.is_id_repeated, false) as is_id_repeated
            {%- for column in columns %},
            {{ trimmed('source.' ~ column) }} as {{ column }}
            {%- endfor %}
        from {{ source }} as source
        -- row numbers are unique: no fan-out
        left join sharing on source._row_number = sharing._row_number

    ),

    typed as (

        select
            _row_number,
            {%- if table.get('keeps_row_hash') %}
            _row_hash,
            {%- endif %}
            key_rank,
            is_copy,
            is_id_repeated
            {%- for column, type in typed %},
            {{ column }} as raw_{{ column }}
            {%- endfor %}
            {%- for column, type in columns.items() %},
            {{ read_value(column, type) }} as {{ column }}
            {%- endfor %}
        from trimmed

    ),

    tested as (

        select
            *,
            {% if required -%}
            case
                {%- for column, type in required %}
                when {{ column }} is null then '{{ column }}'
                {%- endfor %}
            end
            {%- else -%}
            cast(null as string)
            {%- endif %} as failed_column
        from typed

    )

    select
        _row_number,
        {%- if table.get('keeps_row_hash') %}
        _row_hash,
        {%- endif %}
        is_id_repeated,
        case
            when is_copy then 'duplicate'
            when failed_column is not null or key_rank > 1 then 'rejected'
            {%- if grown and table.get('late_rows_wait') %}
            when _row_number > {{ last_row_number() }} and usage_date < {{ first_day_to_add() }} then 'pending'
            when _row_number in (select _row_number from {{ this }} where row_fate = 'pending') then 'pending'
            {%- endif %}
            else 'staged'
        end as row_fate,
        coalesce(failed_column, case when key_rank > 1 then '{{ id_column }}' end) as rejected_column,
        case
            {%- for column, type in required if type not in plain %}
            when failed_column = '{{ column }}' then left(raw_{{ column }}, 200)
            {%- endfor %}
            when failed_column is null and key_rank > 1 then {{ row_ref(table_name) }}
        end as rejected_value,
        case
            {%- for column, type in required if type not in plain %}
            when failed_column = '{{ column }}' then {{ value_fault('raw_' ~ column, type) }}
            {%- endfor %}
            when failed_column is not null then 'missing_value'
            when key_rank > 1 then 'duplicate_key'
        end as rejected_reason
        {%- for column in columns %},
        {{ column }}
        {%- endfor %}
        {%- for column, type in optional %},
        case
            when {{ column }} is null and raw_{{ column }} is not null
                then {{ value_fault('raw_' ~ column, type) }}
        end as {{ column }}_fault,
        case when {{ column }} is null then left(raw_{{ column }}, 200) end as {{ column }}_unread
        {%- endfor %}
    from tested
{% endmacro %}

{# How a person finds a row: by its id, otherwise by its position in the file. #}
{% macro row_ref(table_name) -%}
    {%- set id_column = row_id_column(table_name) -%}
    coalesce({% if id_column %}left({{ id_column }}, 200), {% endif %}'row ' || _row_number)
{%- endmacro %}
