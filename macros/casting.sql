{#
    Casts text to typed values. A cast never fails: an unreadable value becomes null, and
    `value_fault` gives the reason, so that the row or value appears in the quality tables.

    Counts, durations and amounts of money of 10^12 or more are implausible and count as unreadable.
    This limit keeps every later sum within the range of its type.
#}

{#
    A date, or a date and time with or without an offset; real offsets are always below 15 hours.
    Named zones are not ISO, and engines disagree about the year 0.
#}
{% macro iso_moment_pattern() -%}
    ^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01]?[0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?(UTC|[zZ]|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?))?)?$
{%- endmacro %}

{#
    The format of most files: date and time without a zone. Matching it first avoids the slower zone
    handling.
#}
{% macro plain_moment_pattern() -%}
    ^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}$
{%- endmacro %}

{#
    Whether a text has anything left after trimming. Text that begins with a visible character needs
    no trimming, which is faster.
#}
{% macro is_filled(text) -%}
    case when {{ text }} >= '!' and {{ text }} <= '~' then true else {{ trimmed(text) }} is not null end
{%- endmacro %}

{# A number. Other notations, such as 1_000, are excluded because engines disagree about them. #}
{% macro number_pattern() -%}
    ^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$
{%- endmacro %}

{# The allowed types for columns of source tables. #}
{% macro value_types() %}
    {{ return(['id', 'text', 'boolean', 'date', 'timestamp', 'count', 'duration', 'money', 'rating']) }}
{% endmacro %}

{# Reads a text as its type. `text` must already be trimmed. #}
{% macro read_value(text, type) -%}
    {%- if type in ('id', 'text') -%}
        {{ text }}
    {%- elif type == 'boolean' -%}
        case
            when lower({{ text }}) in ('true', 't', 'yes', 'y', '1', '1.0') then true
            when lower({{ text }}) in ('false', 'f', 'no', 'n', '0', '0.0') then false
        end
    {%- elif type == 'date' -%}
        case
            when {{ text }} like '0000%' then null
            when {{ matches(text, '^[0-9]{4}-[0-9]{2}-[0-9]{2}$') }} then {{ try_cast(text, 'date') }}
            else cast({{ read_value(text, 'timestamp') | indent(12) }} as date)
        end
    {%- elif type == 'timestamp' -%}
        case
            when {{ text }} like '0000%' then null
            when {{ matches(text, plain_moment_pattern()) }} then {{ try_cast(text, 'timestamp') }}
            when {{ matches(text, iso_moment_pattern()) }} then {{ utc_timestamp(text) }}
        end
    {%- elif type == 'count' -%}
        case
            when {{ matches(text, '^[+]?[0-9]{1,12}([.]0*)?$') }}
                then cast(split_part({{ text }}, '.', 1) as bigint)
        end
    {%- elif type == 'duration' -%}
        case
            when {{ matches(text, number_pattern()) }} and {{ text }} not like '-%'
                then {{ try_cast(text, 'decimal(18, 6)') }}
        end
    {%- elif type == 'money' -%}
        case
            when {{ matches(text, number_pattern()) }}
                then cast({{ try_cast(text, 'decimal(14, 2)') }} as decimal(18, 2))
        end
    {%- elif type == 'rating' -%}
        case
            when {{ matches(text, '^[1-5]([.]0*)?$') }} then cast(left({{ text }}, 1) as int)
        end
    {%- else -%}
        {{ exceptions.raise_compiler_error("saas_tables: there is no type '" ~ type ~ "'") }}
    {%- endif -%}
{%- endmacro %}

{# Why a trimmed text is not readable as its type. Use it only when `read_value` returned null. #}
{% macro value_fault(text, type) -%}
    case
        when {{ text }} is null then 'missing_value'
        {%- if type in ('count', 'duration') %}
        when {{ matches(text, '^-[0-9.]+$') }} then 'negative_value'
        {%- endif %}
        {%- if type == 'count' %}
        when {{ matches(text, '^[+]?[0-9]+[.][0-9]+$') }} then 'fractional_value'
        {%- endif %}
        {%- if type == 'rating' %}
        when {{ matches(text, '^[+-]?[0-9]+([.]0*)?$') }} then 'out_of_range_value'
        {%- endif %}
        else 'unreadable_value'
    end
{%- endmacro %}
