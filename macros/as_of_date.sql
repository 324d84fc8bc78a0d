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

{#
    The as-of date: as configured, else the latest usage date. One that lies more than 30 days beyond
    the one before it is taken for a typo and stops the build.
    Over the columns of the last two usage dates: usage_date, usage_date_before, gap_days.
#}
{% macro as_of_date() -%}
    {%- if configured_as_of_date() is not none -%}
    cast('{{ configured_as_of_date() }}' as date)
    {%- else -%}
    case
        when usage_date is null then {{ stop_for_missing_usage() }}
        when gap_days > 30 then {{ stop_for_wild_usage_date() }}
        else usage_date
    end
    {%- endif -%}
{%- endmacro %}

{% macro stop_for_wild_usage_date() -%}
    {{ stop_build(
        "'The latest usage date, ' || cast(usage_date as string) || ', lies '"
        ~ " || cast(gap_days as string) || ' days after the one before it, '"
        ~ " || cast(usage_date_before as string) || '. If it is a typo, mend it, '"
        ~ " || 'or set the variable as_of_date to the date to score for.'"
    ) }}
{%- endmacro %}

{% macro stop_for_missing_usage() -%}
    {{ stop_build(
        "'No usage row belongs to a known subscription, so there is no date to score for. '"
        ~ " || 'Check subscription_id in feature_usage, or set the variable as_of_date.'"
    ) }}
{%- endmacro %}
