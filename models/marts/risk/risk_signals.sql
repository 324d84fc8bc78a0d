-- one row per signal that a rule may read; the registry is in macros/signals.sql
{{ config(materialized='view') }}
with

signals as (

    {% for name, signal in risk_signals().items() -%}
    select
        '{{ name }}' as signal_name,
        {{ loop.index }} as signal_number,
        {{ sql_text(signal['label']) }} as signal_label,
        '{{ signal['kind'] }}' as signal_kind,
        {{ sql_text(signal['unit']) }} as signal_unit,
        '{{ signal['source'] }}' as source_table,
        {{ signal['dated'] | lower }} as is_dated
    {% if not loop.last -%}
    union all
    {% endif -%}
    {%- endfor %}
)

select * from signals
order by signal_number
