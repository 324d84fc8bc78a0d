-- one row per level of the active rule set
{{ config(materialized='view') }}
{%- set levels = ruleset()['levels'] %}
with

levels as (

    select
        'High' as risk_level,
        {{ levels['high'] }} as level_from
    union all
    select
        'Medium' as risk_level,
        {{ levels['medium'] }} as level_from
    union all
    select
        'Low' as risk_level,
        0 as level_from

)

select * from levels
