{# The configured as-of date, checked; none when the data decides. #}
{% macro configured_as_of_date() %}
    {%- set text = var('as_of_date') | string | trim -%}
    {%- if not text or text == 'None' -%}
        {{ return(none) }}
    {%- endif -%}
    {%- if not modules.re.match('^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$', text) -%}
        {%- do exceptions.raise_compiler_error("as_of_date must be a date such as 2026-01-31, not '" ~ text ~ "'") -%}
    {%- endif -%}
    {%- set year, month, day = text.split('-') | map('int') -%}
    {%- set leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) -%}
    {%- set days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] -%}
    {%- if day > days[month - 1] -%}
        {%- do exceptions.raise_compiler_error("as_of_date must be a date that exists, not '" ~ text ~ "'") -%}
    {%- endif -%}
    {{ return(text) }}
{% endmacro %}

{# A latest usage date that lies more days than this beyond the one before it is taken for a typo. #}
{% macro max_usage_gap_days() -%}
    30
{%- endmacro %}
