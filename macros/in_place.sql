{#
    Tables are replaced where they stand: dropped and created again in one transaction, so that one
    that fails leaves what was there. dbt-duckdb does so only where foreign keys make it; otherwise it
    builds beside the table, renames both and drops the old one: four statements a table more, which
    is much of what a build takes whose tables have few new rows.
#}
{% macro has_foreign_key_constraints(relation=none) %}
    {{ return(true) }}
{% endmacro %}

{# No table of ours is referenced by a foreign key: nothing has to be looked for and dropped with it. #}
{% macro may_be_foreign_key_target(relation=none) %}
    {{ return(false) }}
{% endmacro %}
