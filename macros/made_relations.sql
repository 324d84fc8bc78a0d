{#
    The relations that this project made in a warehouse, recorded in `config.made_relations`, one
    row per relation.

    `CHURN_WAREHOUSE` may name a file with somebody's own tables, and dbt replaces anything that has
    the name of a model. Therefore every build first checks the project's schemas, and stops when
    they contain an unrecorded relation.
#}

{# The relations that a build makes: names by schema. #}
{% macro planned_relations() %}
    {%- set planned = {'raw': [], 'config': ['made_relations']} -%}
    {%- for node in graph.nodes.values() if node.resource_type in ('model', 'seed') -%}
        {%- do planned.setdefault(node.schema, []).append(node.alias) -%}
    {%- endfor -%}
    {{ return(planned) }}
{% endmacro %}

{#
    The recorded relations, in lower case. Stops when the planned schemas contain foreign relations.
#}
{% macro checked_relations(planned) %}
    {#- use only `run_query` here: opening a transaction would lose the record together with it -#}
    {%- set found = relations_in(planned) -%}
    {%- set is_recorded = found | map('join', '.') | select('equalto', 'config.made_relations') | list -%}
    {%- set recorded = run_query('select schema_name, relation_name from config.made_relations').rows
        if is_recorded else [] -%}
    {%- set ours = {} -%}
    {%- for row in recorded -%}{%- do ours.update({(row[0] ~ '.' ~ row[1]) | lower: true}) -%}{%- endfor -%}
    {%- set foreign = [] -%}
    {%- for row in found -%}
        {#- a killed build leaves relations that it was about to rename -#}
        {%- set name = modules.re.sub('__dbt_(tmp|backup)[0-9_]*$', '', row[1]) -%}
        {%- if (row[0] ~ '.' ~ name) | lower not in ours -%}{%- do foreign.append(row[0] ~ '.' ~ row[1]) -%}{%- endif -%}
    {%- endfor -%}
    {%- if foreign -%}
        {%- do exceptions.raise_compiler_error(
            'The warehouse ' ~ env_var('CHURN_WAREHOUSE', 'warehouse/churn.duckdb')
            ~ ' holds relations that this project did not make: ' ~ foreign[:5] | join(', ')
            ~ (' and ' ~ (foreign | length - 5) ~ ' more' if foreign | length > 5 else '')
            ~ '. A build would replace or hide them. Name another file in CHURN_WAREHOUSE. If an earlier'
            ~ ' version of this project built the file, delete it: it is derived.'
        ) -%}
    {%- endif -%}
    {{ return(ours) }}
{% endmacro %}

{#
    dbt creates schemas before `on-run-start`. The check runs here too, so that a refused warehouse
    gets no schemas.
#}
{% macro duckdb__create_schema(relation) %}
    {%- do checked_relations(planned_relations()) -%}
    {{ dbt.duckdb__create_schema(relation) }}
{% endmacro %}

{#
    Stops when the project's schemas contain foreign relations, then records what the build will
    make.
#}
{% macro claim_relations() %}
    {%- do check_configuration() -%}
    {%- if execute -%}{%- do adapter.dispatch('claim_relations', 'churn')() -%}{%- endif -%}
{% endmacro %}
{% macro default__claim_relations() %}
    {%- set planned = planned_relations() -%}
    {%- set ours = checked_relations(planned) -%}
    {%- set missing = [] -%}
    {%- for schema, names in planned.items() -%}
        {%- for name in names if (schema ~ '.' ~ name) | lower not in ours -%}
            {%- do missing.append('(' ~ sql_text(schema) ~ ', ' ~ sql_text(name) ~ ')') -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if missing and not ours -%}
        {%- do run_query('create schema if not exists config') -%}
        {#- one statement, because an empty record table would itself look foreign -#}
        {%- do run_query(
            'create or replace table config.made_relations as'
            ~ ' select * from (values ' ~ missing | join(', ') ~ ') as made (schema_name, relation_name)'
        ) -%}
        {%- do run_query(
            "comment on table config.made_relations is 'Tables and views that this project made or will make"
            ~ " in this file, a row each. Builds and publications replace nothing else.'"
        ) -%}
    {%- elif missing -%}
        {%- do run_query('insert into config.made_relations values ' ~ missing | join(', ')) -%}
    {%- endif -%}
{% endmacro %}
{# Spark builds into its own folder, which it empties first, so there is nothing to claim. #}
{% macro spark__claim_relations() %}
{% endmacro %}

{#
    The tables and views in these schemas of the warehouse, as rows (schema, name). DuckDB ignores
    letter case.
#}
{% macro relations_in(schemas) %}
    {%- set names = [] -%}
    {%- for schema in schemas -%}{%- do names.append(sql_text(schema | lower)) -%}{%- endfor -%}
    {{ return(run_query(
        'select table_schema, table_name from information_schema.tables'
        ~ ' where table_catalog = current_database() and lower(table_schema) in (' ~ names | join(', ') ~ ')'
        ~ ' order by all'
    ).rows) }}
{% endmacro %}

{#
    Drops the bundled sample, so that it does not share a warehouse with the user's data. Call it
    after `claim_relations`.
#}
{% macro drop_unused_sample() %}
    {%- if execute and env_var('CHURN_DATA_DIR', '') -%}
        {%- for table_name in var('saas_tables') -%}
            {%- do run_query('drop table if exists raw.raw_' ~ table_name) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
