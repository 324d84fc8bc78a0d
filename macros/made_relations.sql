{#
    The relations that this project made in a warehouse: `config.made_relations`, a row a relation.

    `CHURN_WAREHOUSE` may name a file that holds somebody's own tables, and dbt replaces whatever has
    the name of a model. So every build first looks into the schemas of the project, and stops where
    they hold a relation that is not on record.
#}

{# What a build makes: the names of relations by schema. #}
{% macro planned_relations() %}
    {%- set planned = {'raw': [], 'config': ['made_relations']} -%}
    {%- for node in graph.nodes.values() if node.resource_type in ('model', 'seed') -%}
        {%- do planned.setdefault(node.schema, []).append(node.alias) -%}
    {%- endfor -%}
    {{ return(planned) }}
{% endmacro %}

{# The relations on record, in lower case; stops where the planned schemas hold foreign ones. #}
{% macro checked_relations(planned) %}
    {#- only by `run_query`: what opens a transaction here loses the record with it -#}
    {%- set found = relations_in(planned) -%}
    {%- set is_recorded = found | map('join', '.') | select('equalto', 'config.made_relations') | list -%}
    {%- set recorded = run_query('select schema_name, relation_name from config.made_relations').rows
        if is_recorded else [] -%}
    {%- set ours = {} -%}
    {%- for row in recorded -%}{%- do ours.update({(row[0] ~ '.' ~ row[1]) | lower: true}) -%}{%- endfor -%}
    {%- set foreign = [] -%}
    {%- for row in found -%}
        {#- a build that was killed leaves what it was about to rename -#}
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

{# dbt makes the schemas before `on-run-start`: a warehouse that is refused gets none of them. #}
{% macro duckdb__create_schema(relation) %}
    {%- do checked_relations(planned_relations()) -%}
    {{ dbt.duckdb__create_schema(relation) }}
{% endmacro %}

{# Stops where the schemas of the project hold foreign relations, then records what a build will make. #}
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
        {#- one statement: a record without rows would make itself foreign -#}
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
{# Spark builds into a folder of its own, which it empties first. #}
{% macro spark__claim_relations() %}
{% endmacro %}

{# The tables and views in these schemas of the warehouse, as rows (schema, name); DuckDB ignores letter case. #}
{% macro relations_in(schemas) %}
    {%- set names = [] -%}
    {%- for schema in schemas -%}{%- do names.append(sql_text(schema | lower)) -%}{%- endfor -%}
    {{ return(run_query(
        'select table_schema, table_name from information_schema.tables'
        ~ ' where table_catalog = current_database() and lower(table_schema) in (' ~ names | join(', ') ~ ')'
        ~ ' order by all'
    ).rows) }}
{% endmacro %}

{# The bundled sample must not stand beside the user's data in one warehouse. Call it after `claim_relations`. #}
{% macro drop_unused_sample() %}
    {%- if execute and env_var('CHURN_DATA_DIR', '') -%}
        {%- for table_name in var('saas_tables') -%}
            {%- do run_query('drop table if exists raw.raw_' ~ table_name) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
