{# The configured as-of date, validated; none when the data determines it. #}
{% macro configured_as_of_date() %}
    {%- set text = var('as_of_date') | string | trim -%}
    {%- if not text or text == 'None' -%}
        {{ return(none) }}
    {%- endif -%}
    {%- if variable_fault('as_of_date', text) -%}
        {%- do configuration_error(variable_fault('as_of_date', text)) -%}
    {%- endif -%}
    {{ return(text) }}
{% endmacro %}

{#
    The as-of date: the configured one, otherwise the latest usage date. A latest date more than 30
    days after the one before it is probably a typo and stops the build. Reads the columns
    usage_date, usage_date_before and gap_days, which describe the last two usage dates.
#}
{% macro as_of_date() -%}
    {%- if configured_as_of_date() is not none -%}
    cast('{{ configured_as_of_date() }}' as date)
    {%- else -%}
    case
        when usage_date is null then {{ stop_for_missing_usage() }}
        when extract(year from usage_date) not between {{ first_year() }} and {{ last_year() }}
            then {{ stop_for_usage_of_another_age() }}
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

{% macro stop_for_usage_of_another_age() -%}
    {{ stop_build(
        "'The latest usage date is ' || cast(usage_date as string) || '. The date to score for must lie "
        ~ years_allowed() ~ ". Correct usage_date in feature_usage, or set the variable as_of_date.'"
    ) }}
{%- endmacro %}
