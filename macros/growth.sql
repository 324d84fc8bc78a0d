{#
    Tables that grow: what was built stays, and a build adds what came since.

    A growing table is made from one data set, by one configuration; it says from which in its column
    `fingerprint`. Where that is no longer so, and wherever dbt is told to, it is built anew as a whole.
#}

{# Whether dbt builds a model anew as a whole. Overrides dbt's own: a fingerprint decides, too. #}
{% macro should_full_refresh() %}
    {%- set configured = config.get('full_refresh') -%}
    {%- set is_asked = flags.FULL_REFRESH if configured is none else configured -%}
    {%- if is_asked or not execute or model.resource_type != 'model' or config.get('materialized') != 'incremental' -%}
        {{ return(is_asked) }}
    {%- endif -%}
    {%- set relation = load_relation(this) -%}
    {%- if relation is none -%}{{ return(false) }}{%- endif -%}
    {%- set fingerprint = data_fingerprint() -%}
    {{ return(fingerprint is none or stored_fingerprint(relation) != fingerprint) }}
{% endmacro %}

{# What a growing table says it is made from; none where it is empty, or of an earlier release. #}
{% macro stored_fingerprint(relation) %}
    {%- if 'fingerprint' not in column_names(relation) -%}{{ return(none) }}{%- endif -%}
    {{ return(first_value('select fingerprint from ' ~ relation ~ ' limit 1')) }}
{% endmacro %}

{#
    What growing tables are made from: the data set, which stays the same while rows are only added
    to it, and how its rows are read, as a number of 60 bits. None where nobody vouches for the data set.
    A model names the table whose rows it holds in its `meta: grows_with`, where that is not usage.
#}
{% macro data_fingerprint() %}
    {%- if not execute -%}{{ return(none) }}{%- endif -%}
    {%- set table_name = config.get('meta', {}).get('grows_with', 'feature_usage') -%}
    {%- set data_set = growing_data_set(table_name) -%}
    {%- if data_set is none -%}{{ return(none) }}{%- endif -%}
    {%- set reading = tojson(saas_table(table_name), sort_keys=true) -%}
    {{ return(local_md5(data_set ~ reading ~ model.checksum.checksum)[:15] | int(base=16)) }}
{% endmacro %}

{# The data set that the rows of a table belong to: as `churn load` recognised it, else the sample's file. #}
{% macro growing_data_set(table_name) %}
    {%- if not env_var('CHURN_DATA_DIR', '') -%}
        {#- there is no graph in a unit test -#}
        {%- set sample = graph.get('nodes', {}).get('seed.churn.raw_' ~ table_name) -%}
        {{ return(sample.checksum.checksum if sample else none) }}
    {%- endif -%}
    {%- set files = source('saas', 'source_files') -%}
    {%- if 'data_set_id' not in column_names(files) -%}{{ return(none) }}{%- endif -%}
    {{ return(first_value("select data_set_id from " ~ files ~ " where table_name = '" ~ table_name ~ "'")) }}
{% endmacro %}

{# As a column of a growing table. #}
{% macro fingerprint() -%}
    cast({{ data_fingerprint() or 'null' }} as bigint) as fingerprint
{%- endmacro %}

{# The only value that a query gives; none while parsing, and where it gives no row. #}
{% macro first_value(query) %}
    {%- set found = run_query(query) if execute else none -%}
    {{ return(found.columns[0].values()[0] if found else none) }}
{% endmacro %}

{# The place in its file of the last row that is in a growing table. #}
{% macro last_row_number(column='_row_number') %}
    {{ return(first_value('select max(' ~ column ~ ') from ' ~ this)) }}
{% endmacro %}

{# What is dated before this day and comes now comes too late: it waits for a full refresh. #}
{% macro first_day_to_add(dated_by) -%}
    {%- set until = ' and ' ~ dated_by ~ " <= cast('" ~ configured_as_of_date() ~ "' as date)"
        if configured_as_of_date() is not none else '' -%}
    {%- set last_date = first_value(
        'select max(' ~ dated_by ~ ') from ' ~ this ~ " where row_fate = 'staged'" ~ until
    ) -%}
    cast('{{ last_date if last_date is not none else '0001-01-01' }}' as date) - {{ var('late_arrival_days') }}
{%- endmacro %}

{#
    The rows of a growing file that came since the last build, and the earlier ones that share an id
    with them; `same` compares ids.
#}
{% macro rows_since_the_last_build(base, id_column, same) -%}
    {%- set last = last_row_number() -%}
    {%- set sharing %}
        select earlier._row_number
        from {{ this }} as earlier
        inner join (
            select {{ trimmed(id_column) }} as id
            from {{ base }}
            where _row_number > {{ last }}
            group by {{ trimmed(id_column) }}
        ) as new_ids on earlier.{{ id_column }} {{ same }} new_ids.id
        where earlier.row_fate != 'pending'
    {%- endset -%}
    {#- known before the query runs, so that the engine passes over what lies before in the file -#}
    {%- set first = first_value('select min(_row_number) from (' ~ sharing ~ ') as sharing') -%}
    select *
    from {{ base }}
    where
        _row_number > {{ last }}
        {%- if first is not none %}
        or (
            _row_number >= {{ first }}
            and _row_number in ({{ sharing }})
        )
        {%- endif %}
{%- endmacro %}

{# Deletes, of a growing table with a row per as-of date, the dates that nobody asks for any more. #}
{% macro forget_other_dates() -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where as_of_date not in (select as_of_date from {{ ref('int_as_of_dates') }})
    {%- endif -%}
{%- endmacro %}
