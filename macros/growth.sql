{#
    Tables that grow: what was built stays, and a build adds what came since.

    A row of a growing table says in its column `fingerprint` from which load, by which configuration
    and by which code it was made. Where one was made otherwise than a build would do now, and wherever
    dbt is told to, the table is built anew as a whole.
#}

{# Whether dbt builds a model anew as a whole. Overrides dbt's own: the fingerprints decide, too. #}
{% macro should_full_refresh() %}
    {%- set configured = config.get('full_refresh') -%}
    {%- set is_asked = flags.FULL_REFRESH if configured is none else configured -%}
    {%- if is_asked or not execute or model.resource_type != 'model' or config.get('materialized') != 'incremental' -%}
        {{ return(is_asked) }}
    {%- endif -%}
    {%- set found = found_once('full_refresh') -%}
    {%- if model.unique_id not in found -%}
        {%- set relation = load_relation(this) -%}
        {%- set is_other = relation is not none and not is_made_by(relation, fingerprints()) -%}
        {%- do found.update({model.unique_id: is_other}) -%}
    {%- endif -%}
    {{ return(found[model.unique_id]) }}
{% endmacro %}

{#
    What is worked out once an invocation, by model: dbt asks several times, and in between the table
    is written. It is kept in dbt's graph, which all models of an invocation share.
#}
{% macro found_once(what) %}
    {{ return(graph.setdefault('churn_' ~ what, {})) }}
{% endmacro %}

{# Whether each row of a growing table has one of these fingerprints; false where it is empty, or of an earlier release. #}
{% macro is_made_by(relation, known) %}
    {%- if not known or 'fingerprint' not in column_names(relation) -%}{{ return(false) }}{%- endif -%}
    {{ return(first_value(
        'select coalesce(bool_and(coalesce(fingerprint in (' ~ known | join(', ') ~ '), false)), false) from ' ~ relation
    )) }}
{% endmacro %}

{#
    For each load of the data set, oldest first, the number of 60 bits that stands for what a growing
    table is made from then: its rows, how they are read, and the code. [] where nobody vouches for the
    data. A model names the table whose rows it holds in its `meta: grows_with`, where that is not usage.
#}
{% macro fingerprints() %}
    {#- there is no graph in a unit test, and nothing that grows -#}
    {%- if not execute or not graph.get('nodes') -%}{{ return([]) }}{%- endif -%}
    {%- set table_name = config.get('meta', {}).get('grows_with', 'feature_usage') -%}
    {%- set code = found_once('code') -%}
    {%- set id = model.unique_id -%}
    {%- if id not in code -%}{%- do code.update({id: code_behind([id])}) -%}{%- endif -%}
    {%- set settings = tojson(saas_table(table_name), sort_keys=true) ~ var('late_arrival_days') -%}
    {%- set made_by = settings ~ code[id] -%}
    {%- set found = [] -%}
    {%- for load in loads_of(table_name) -%}
        {%- do found.append(local_md5(load ~ made_by)[:15] | int(base=16)) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#
    The code that models and macros are made by: their own, and that of all they are made from.
    That of DuckDB, whatever the engine, as its tables are the ones that grow.
#}
{% macro code_behind(ids, seen=none) %}
    {%- set seen = {} if seen is none else seen -%}
    {%- for id in ids if id not in seen -%}
        {%- if id in graph.nodes -%}
            {%- set node = graph.nodes[id] -%}
            {%- do seen.update({id: node.checksum.checksum}) -%}
            {%- do code_behind(node.depends_on.macros + node.depends_on.get('nodes', []), seen) -%}
        {%- elif id.startswith('macro.churn.') and not id.startswith('macro.churn.spark__') -%}
            {%- set name = id.split('.')[-1] -%}
            {%- do seen.update({id: context[name].macro.macro_sql}) -%}
            {%- do code_behind(context[name].macro.depends_on.macros, seen) -%}
            {%- if 'default__' ~ name in context -%}
                {%- do code_behind(['macro.churn.default__' ~ name], seen) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(tojson(seen, sort_keys=true)) }}
{% endmacro %}

{#
    The loads that a table has grown by, oldest first, as `churn load` recognised them; else the sample's
    file. [] where nobody knows: dbt does not look into a large seed.
#}
{% macro loads_of(table_name) %}
    {%- if not env_var('CHURN_DATA_DIR', '') -%}
        {%- set sample = graph.nodes['seed.churn.raw_' ~ table_name] -%}
        {{ return([sample.checksum.checksum] if sample.checksum.name != 'path' else []) }}
    {%- endif -%}
    {%- set files = loaded_file('source_files') -%}
    {%- if 'load_ids' not in column_names(files) -%}{{ return([]) }}{%- endif -%}
    {%- set found = first_value("select load_ids from " ~ files ~ " where table_name = '" ~ table_name ~ "'") -%}
    {{ return(found.split(' ') if found else []) }}
{% endmacro %}

{# The fingerprint as a column of a growing table: that of the newest load. #}
{% macro fingerprint() -%}
    cast({{ fingerprints() | last or 'null' }} as bigint) as fingerprint
{%- endmacro %}

{#
    The number of this build of a growing table: one more than that of its newest row, where it is
    built anew, too. By it the tables behind know what was written since they were built.
#}
{% macro build_number() -%}
    {#- a unit test has no table -#}
    {%- set built = load_relation(this) if execute and this else none -%}
    {%- set is_known = built is not none and 'build_number' in column_names(built) -%}
    {%- set last = first_value('select max(build_number) from ' ~ this) if is_known else none -%}
    cast({{ (last or 0) + 1 }} as bigint)
{%- endmacro %}

{# The newest build of another growing table that is in this one; 0 where that one has been lost since. #}
{% macro last_build_in(other) %}
    {%- set newest = 'select max(build_number) from ' -%}
    {%- set known = first_value(newest ~ this) or 0 -%}
    {{ return(known if known <= (first_value(newest ~ other) or 0) else 0) }}
{% endmacro %}

{# The only value that a query gives; none while parsing, and where it gives no row. #}
{% macro first_value(query) %}
    {%- set found = run_query(query) if execute else none -%}
    {{ return(found.columns[0].values()[0] if found else none) }}
{% endmacro %}

{# The place in its file of the last row that is in a growing table. #}
{% macro last_row_number(column='_row_number') %}
    {{ return(first_value('select max(' ~ column ~ ') from ' ~ this)) }}
{% endmacro %}

{#
    Usage that is dated before this day and comes now comes too late: it waits for a full refresh. It is
    counted from the last day that was built, of subscriptions that are known, as the as-of date is.
#}
{% macro first_day_to_add() -%}
    {%- set until = " and usage_date <= cast('" ~ configured_as_of_date() ~ "' as date)"
        if configured_as_of_date() is not none else '' -%}
    {%- set last_of_all = 'select max(usage_date) from ' ~ this ~ " where row_fate = 'staged'" ~ until -%}
    {%- set last_of_known = last_of_all
        ~ ' and subscription_id in (select subscription_id from ' ~ ref('stg_saas__subscriptions') ~ ')' -%}
    {#- nearly always somebody known has usage on the last day of all: then no other day is looked at -#}
    {%- set last_date = first_value(last_of_known ~ ' and usage_date = (' ~ last_of_all ~ ')')
        or first_value(last_of_known) -%}
    cast('{{ last_date or '0001-01-01' }}' as date) - {{ var('late_arrival_days') }}
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
