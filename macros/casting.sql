{#
    Text to typed values. A cast never fails: what cannot be read becomes null, and `value_fault`
    names why, so that the row or the value reaches the quality tables.

    Counts, durations and money of 10^12 and more are not believable and count as unreadable;
    this keeps every sum downstream inside its type.
#}

{#
    A day, or a day and time with or without an offset, which are below 15 hours everywhere. Named
    zones are not ISO; of the year 0 engines say different things.
#}
{% macro iso_moment_pattern() -%}
    ^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01]?[0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?(UTC|[zZ]|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?))?)?$
{%- endmacro %}

{# The day and time that most files hold, which needs no thought about zones. #}
{% macro plain_moment_pattern() -%}
    ^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}$
{%- endmacro %}

{# Whether trimming leaves anything of a text. What begins with a visible character need not be trimmed. #}
{% macro is_filled(text) -%}
    case when {{ text }} >= '!' and {{ text }} <= '~' then true else {{ trimmed(text) }} is not null end
{%- endmacro %}

{# A number: engines differ about other notations, such as 1_000. #}
{% macro number_pattern() -%}
    ^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$
{%- endmacro %}

{# The types that a column of a source table may have. #}
{% macro value_types() %}
    {{ return(['id', 'text', 'boolean', 'date', 'timestamp', 'count', 'duration', 'money', 'rating']) }}
{% endmacro %}

{# `text` must be trimmed. #}
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

{# Why a trimmed text could not be read as its type. Ask only where `read_value` gave null. #}
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
