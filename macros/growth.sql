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
        {%- set is_other = relation is not none
            and (not is_made_by_now(relation) or keeps_no_date(relation)) -%}
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

{#
    Whether each row of a growing table is one that a build would write now; false where it is empty,
    or of an earlier release.
#}
{% macro is_made_by_now(relation) %}
    {%- set columns = column_names(relation) -%}
    {%- set conditions = [] -%}
    {%- for column, table_name in fingerprint_columns().items() -%}
        {%- set known = fingerprints(table_name) -%}
        {%- if not known or column not in columns -%}{{ return(false) }}{%- endif -%}
        {%- do conditions.append('coalesce(' ~ column ~ ' in (' ~ known | join(', ') ~ '), false)') -%}
    {%- endfor -%}
    {{ return(first_value(
        'select coalesce(bool_and(' ~ conditions | join(' and ') ~ '), false) from ' ~ relation
    )) }}
{% endmacro %}

{#
    Whether a growing table with rows by as-of date has none of the dates that are asked for: then
    there is nothing to add to.
#}
{% macro keeps_no_date(relation) %}
    {%- if 'as_of_date' not in column_names(relation) -%}{{ return(false) }}{%- endif -%}
    {{ return(first_value(
        'select count(*) = 0 from ' ~ ref('int_as_of_dates')
        ~ ' where as_of_date in (select as_of_date from ' ~ relation ~ ')'
    )) }}
{% endmacro %}

{#
    Column -> the table whose loads it tells: a model names the growing tables whose rows it is made
    of in its `meta: grows_with`, where that is not usage alone.
#}
{% macro fingerprint_columns() %}
    {%- set columns = {} -%}
    {#- while parsing it is not known yet -#}
    {%- set meta = config.get('meta') or {} -%}
    {%- for table_name in meta.get('grows_with', ['feature_usage']) -%}
        {%- do columns.update({'fingerprint' if loop.first else table_name ~ '_fingerprint': table_name}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}

{#
    For each load of a table, oldest first, the number of 60 bits that stands for what a growing
    table is made from then: its rows, how they are read, and the code; of one that applies the rules
    (`meta: applies_rules`), the rules too. [] where nobody vouches for the data.
#}
{% macro fingerprints(table_name) %}
    {#- there is no graph in a unit test, and nothing that grows -#}
    {%- if not execute or not graph.get('nodes') -%}{{ return([]) }}{%- endif -%}
    {%- set code = found_once('code') -%}
    {%- set id = model.unique_id -%}
    {%- if id not in code -%}
        {%- do code.update({id: local_md5(tojson(code_behind(id), sort_keys=true))}) -%}
    {%- endif -%}
    {%- set settings = tojson(saas_table(table_name), sort_keys=true) ~ var('late_arrival_days') -%}
    {%- if config.get('meta', {}).get('applies_rules') -%}
        {%- set settings = settings ~ var('risk_ruleset') ~ configuration_fingerprint()
            ~ rules_with_evidence('usage') ~ var('min_usage_rows') -%}
    {%- endif -%}
    {%- set made_by = settings ~ code[id] -%}
    {%- set found = [] -%}
    {%- for load in loads_of(table_name) -%}
        {%- do found.append(local_md5(load ~ made_by)[:15] | int(base=16)) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#
    The code that a model or a macro is made by: its own, and that of all it is made from, by id. That
    of DuckDB, whatever the engine, as its tables are the ones that grow.
#}
{% macro code_behind(id) %}
    {%- set known = found_once('code_behind') -%}
    {%- if id in known -%}{{ return(known[id]) }}{%- endif -%}
    {%- set found = {} -%}
    {%- set made_from = [] -%}
    {%- if id in graph.nodes -%}
        {%- set node = graph.nodes[id] -%}
        {%- do found.update({id: node.checksum.checksum}) -%}
        {%- do made_from.extend(node.depends_on.macros + node.depends_on.get('nodes', [])) -%}
    {%- elif id.startswith('macro.churn.') and not id.startswith('macro.churn.spark__') -%}
        {%- set name = id.split('.')[-1] -%}
        {%- do found.update({id: context[name].macro.macro_sql}) -%}
        {%- do made_from.extend(context[name].macro.depends_on.macros) -%}
        {%- if 'default__' ~ name in context -%}
            {%- do made_from.append('macro.churn.default__' ~ name) -%}
        {%- endif -%}
    {%- endif -%}
    {#- a macro may call itself -#}
    {%- for other in made_from if other != id -%}
        {%- do found.update(code_behind(other)) -%}
    {%- endfor -%}
    {%- do known.update({id: found}) -%}
    {{ return(found) }}
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

{# The fingerprints as columns of a growing table: those of the newest loads. #}
{% macro fingerprint() -%}
    {%- for column, table_name in fingerprint_columns().items() -%}
    cast({{ fingerprints(table_name) | last or 'null' }} as bigint) as {{ column }}
    {{- ', ' if not loop.last }}
    {%- endfor -%}
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

{# Deletes, of a growing table with rows by as-of date, the dates that nobody asks for any more. #}
{% macro forget_other_dates() -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where as_of_date not in (select as_of_date from {{ ref('int_as_of_dates') }})
    {%- endif -%}
{%- endmacro %}

{# The same of the signals: and customers that are gone, or had not started by the date. #}
{% macro forget_other_customers() -%}
    {%- if is_incremental() -%}
    delete from {{ this }} as built
    where
        as_of_date not in (select as_of_date from {{ ref('int_as_of_dates') }})
        or coalesce(as_of_date < (
            select start_date
            from {{ ref('int_customers') }} as customers
            where customers.customer_id = built.customer_id
        ), true)
    {%- endif -%}
{%- endmacro %}

{# The same of the scores: and what has no signals any more. #}
{% macro forget_other_scores() -%}
    {%- if is_incremental() -%}
    delete from {{ this }} as built
    where
        as_of_date not in (
            select as_of_date
            from {{ ref('int_as_of_dates') }}
            where is_history or is_published
        )
        or not exists (
            select 1
            from {{ ref('int_customer_signals') }} as signals
            where
                signals.as_of_date = built.as_of_date
                and signals.customer_id = built.customer_id
        )
    {%- endif -%}
{%- endmacro %}
