{#
    All differences between SQL engines, except for files. No other file in the project knows the
    engine. `default__` is DuckDB.
#}

{#
    Columns of a relation or file, as a list of lower-case names; [] while parsing, or when it does
    not exist.
#}
{% macro column_names(relation) %}
    {{ return(adapter.dispatch('column_names', 'churn')(relation)) }}
{% endmacro %}
{% macro default__column_names(relation) %}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {%- if relation is not string and not load_relation(relation) -%}{{ return([]) }}{%- endif -%}
    {{ return(run_query('describe select * from ' ~ relation).columns[0].values() | map('lower') | list) }}
{% endmacro %}
{% macro spark__column_names(relation) %}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {%- if relation is not string and not load_relation(relation) -%}{{ return([]) }}{%- endif -%}
    {{ return(run_query('describe query select * from ' ~ relation).columns[0].values() | map('lower') | list) }}
{% endmacro %}

{# The given columns of a relation or file as text: name -> expression. #}
{% macro column_texts(relation, columns) %}
    {{ return(adapter.dispatch('column_texts', 'churn')(relation, columns)) }}
{% endmacro %}
{% macro default__column_texts(relation, columns) %}
    {%- set texts = {} -%}
    {%- for column in columns -%}
        {%- do texts.update({column: 'cast(' ~ quoted(column) ~ ' as string)'}) -%}
    {%- endfor -%}
    {{ return(texts) }}
{% endmacro %}
{% macro spark__column_texts(relation, columns) %}
    {%- set texts = default__column_texts(relation, columns) -%}
    {%- if execute -%}
        {%- for column in run_query('describe query select * from ' ~ relation) if column[0] | lower in texts -%}
            {%- set name = quoted(column[0]) -%}
            {#-
                the same format as DuckDB: fractions written out from 0.0001 to 10^16, timestamps
                with their zone
            -#}
            {%- if column[1] in ['float', 'double'] -%}
                {%- do texts.update({column[0] | lower: fraction_text(name)}) -%}
            {%- elif column[1] == 'timestamp' -%}
                {%- do texts.update({column[0] | lower: 'cast(' ~ name ~ " as string) || '+00'"}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(texts) }}
{% endmacro %}
{% macro fraction_text(column) -%}
    case
        when abs({{ column }}) >= 0.0001 and abs({{ column }}) < 1e16
            then regexp_replace(
                cast(cast(cast({{ column }} as string) as decimal(38, 20)) as string),
                '([.][0-9]+?)0*$', '$1'
            )
        else regexp_replace(regexp_replace(regexp_replace(
            lower(replace(cast({{ column }} as string), 'Infinity', 'inf')),
            '[.]0e', 'e'), 'e([0-9])', 'e+$1'), 'e([+-])([0-9])$', 'e$10$2')
    end
{%- endmacro %}

{# A path with its wildcard characters escaped. #}
{% macro glob_pattern(path) %}
    {{ return(adapter.dispatch('glob_pattern', 'churn')(path)) }}
{% endmacro %}
{% macro default__glob_pattern(path) %}
    {{ return(path | replace('[', '[[]') | replace('*', '[*]') | replace('?', '[?]')) }}
{% endmacro %}
{% macro spark__glob_pattern(path) %}
    {{ return(modules.re.sub('([][*?{}\\\\])', '\\\\\\1', path)) }}
{% endmacro %}

{# A text as an SQL literal. #}
{% macro sql_text(text) %}
    {{- adapter.dispatch('sql_text', 'churn')(text) -}}
{% endmacro %}
{% macro default__sql_text(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}
{% macro spark__sql_text(text) -%}
    '{{ text | replace("\\", "\\\\") | replace("'", "''") }}'
{%- endmacro %}

{# The 1-based position of a row in a seed file. #}
{% macro seed_row_number() %}
    {{- adapter.dispatch('seed_row_number', 'churn')() -}}
{% endmacro %}
{% macro default__seed_row_number() -%}
    rowid + 1
{%- endmacro %}
{% macro spark__seed_row_number() -%}
    _metadata.row_index + 1
{%- endmacro %}

{# Text without surrounding blanks, tabs and line ends; null when nothing is left. #}
{% macro trimmed(text) %}
    {{- adapter.dispatch('trimmed', 'churn')(text) -}}
{% endmacro %}
{% macro default__trimmed(text) -%}
    {%- set blanks = ["' '", 'chr(9)', 'chr(10)', 'chr(13)', 'chr(160)'] %}
    {#- most text has nothing to trim, and this check is eight times as fast as trimming #}
    case
        when {{ text }} >= '!' and {{ text }} not between chr(160) and chr(161)
            {%- for blank in blanks %} and not suffix({{ text }}, {{ blank }}){% endfor %} then {{ text }}
        else nullif(trim({{ text }}, {{ blanks | join(' || ') }}), '')
    end
{%- endmacro %}
{% macro spark__trimmed(text) -%}
    nullif(trim(both ' \t\n\r' || chr(160) from {{ text }}), '')
{%- endmacro %}

{# The text on one line, without control and other invisible characters. #}
{% macro one_line(text) %}
    {{- adapter.dispatch('one_line', 'churn')(text) -}}
{% endmacro %}
{% macro default__one_line(text) -%}
    trim(regexp_replace(
        {{ text }}, '[\x00-\x20\x7f-\x{a0}\x{61c}\x{200b}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2060}-\x{2069}\x{feff}]+', ' ', 'g'
    ))
{%- endmacro %}
{% macro spark__one_line(text) -%}
    trim(regexp_replace(
        {{ text }}, '[\\x00-\\x20\\x7f-\\x{a0}\\x{61c}\\x{200b}\\x{200e}\\x{200f}\\x{2028}-\\x{202e}\\x{2060}-\\x{2069}\\x{feff}]+', ' '
    ))
{%- endmacro %}

{# A whole number with thousands separators: 54,000. #}
{% macro with_commas(number) %}
    {{- adapter.dispatch('with_commas', 'churn')(number) -}}
{% endmacro %}
{% macro default__with_commas(number) -%}
    format('{:,}', cast(round({{ number }}) as bigint))
{%- endmacro %}
{% macro spark__with_commas(number) -%}
    format_number(cast(round({{ number }}) as bigint), 0)
{%- endmacro %}

{#
    Whether a text matches a regular expression anywhere; anchor the pattern to match the whole
    text.
#}
{% macro matches(text, pattern) %}
    {{- adapter.dispatch('matches', 'churn')(text, pattern) -}}
{% endmacro %}
{% macro default__matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}
{% macro spark__matches(text, pattern) -%}
    {#- in Java, $ also matches before a final line end -#}
    {{ text }} rlike '{{ pattern | replace('$', '\\\\z') }}'
{%- endmacro %}

{# A column name from the user's file, quoted for use in a query. #}
{% macro quoted(column) %}
    {{- adapter.dispatch('quoted', 'churn')(column) -}}
{% endmacro %}
{% macro default__quoted(column) -%}
    "{{ column | replace('"', '""') }}"
{%- endmacro %}
{% macro spark__quoted(column) -%}
    `{{ column | replace('`', '``') }}`
{%- endmacro %}

{#
    A hash number for a text or null. Different texts rarely share a number. Never store it: each
    engine computes its own.
#}
{% macro bucket(text) %}
    {{- adapter.dispatch('bucket', 'churn')(text) -}}
{% endmacro %}
{% macro default__bucket(text) -%}
    hash({{ text }})
{%- endmacro %}
{% macro spark__bucket(text) -%}
    xxhash64({{ text }})
{%- endmacro %}

{# A cast that returns null when it fails. #}
{% macro try_cast(expression, type) %}
    {{- adapter.dispatch('try_cast', 'churn')(expression, type) -}}
{% endmacro %}
{% macro default__try_cast(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}

{#
    Converts ISO text, without zone or with an offset, to a UTC timestamp; null when it is not a
    valid moment. The text must not name a zone such as Europe/Berlin: DuckDB would then read other
    rows in that zone, too.
#}
{% macro utc_timestamp(text) %}
    {{- adapter.dispatch('utc_timestamp', 'churn')(text) -}}
{% endmacro %}
{% macro default__utc_timestamp(text) -%}
    try_cast(
        regexp_replace(regexp_replace({{ text }}, ' ?(UTC|[zZ])$', 'Z'), ' ([+-])', '\1')
        as timestamptz
    ) at time zone 'UTC'
{%- endmacro %}
{% macro spark__utc_timestamp(text) -%}
    cast(try_cast(
        regexp_replace(regexp_replace({{ text }}, ' ?(UTC|[zZ])$', 'Z'), ' ([+-])', '$1')
        as timestamp_ltz
    ) as timestamp_ntz)
{%- endmacro %}

{# Whole days from one date to a later one. #}
{% macro days_between(earlier, later) %}
    {{- adapter.dispatch('days_between', 'churn')(earlier, later) -}}
{% endmacro %}
{% macro default__days_between(earlier, later) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}
{% macro spark__days_between(earlier, later) -%}
    cast(datediff({{ later }}, {{ earlier }}) as bigint)
{%- endmacro %}

{# A date some calendar months earlier. #}
{% macro months_before(date, months) %}
    {{- adapter.dispatch('months_before', 'churn')(date, months) -}}
{% endmacro %}
{% macro default__months_before(date, months) -%}
    cast({{ date }} - interval {{ months }} month as date)
{%- endmacro %}
{% macro spark__months_before(date, months) -%}
    add_months({{ date }}, -{{ months }})
{%- endmacro %}

{# A date some calendar months later. When that month is too short, its last day. #}
{% macro months_after(date, months) %}
    {{- adapter.dispatch('months_after', 'churn')(date, months) -}}
{% endmacro %}
{% macro default__months_after(date, months) -%}
    cast({{ date }} + to_months(cast({{ months }} as int)) as date)
{%- endmacro %}
{% macro spark__months_after(date, months) -%}
    add_months({{ date }}, cast({{ months }} as int))
{%- endmacro %}

{# Number of calendar months from the month of one date to the month of a later one. #}
{% macro months_between(earlier, later) %}
    {{- adapter.dispatch('months_between', 'churn')(earlier, later) -}}
{% endmacro %}
{% macro default__months_between(earlier, later) -%}
    date_diff('month', {{ earlier }}, {{ later }})
{%- endmacro %}
{% macro spark__months_between(earlier, later) -%}
    cast(
        12 * (year({{ later }}) - year({{ earlier }})) + month({{ later }}) - month({{ earlier }})
        as bigint
    )
{%- endmacro %}

{#
    A ratio of two whole numbers, truncated (not rounded) to 12 decimal places, so that comparisons
    with a threshold give the same result as exact fractions. Null when the denominator is not
    positive, or the ratio has more than 12 digits before the point. With `digits`, the
    numerator counts units of 10^-digits.
#}
{% macro exact_ratio(numerator, denominator, digits=0) %}
    {{- adapter.dispatch('exact_ratio', 'churn')(numerator, denominator, digits) -}}
{% endmacro %}
{% macro default__exact_ratio(numerator, denominator, digits) -%}
    {%- set scale = 10 ** (12 - digits) -%}
    {%- set limit = 9 * 10 ** (6 + digits) -%}
    {%- set fits = numerator ~ ' between -' ~ limit ~ ' and ' ~ limit -%}
    case
        when {{ denominator }} > 0 then
            cast(try_cast(
                case
                    {#- 64-bit division is eight times as fast as 128-bit division #}
                    when {{ fits }} and {{ denominator }} <= 9000000000000000000
                        then cast({{ numerator }} as bigint) * {{ scale }}
                            // cast({{ denominator }} as bigint)
                    else (cast({{ numerator }} as hugeint) * {{ scale }}) // ({{ denominator }})
                end as decimal(24, 0)
            ) * cast(0.000000000001 as decimal(13, 12)) as decimal(38, 12))
    end
{%- endmacro %}
{% macro spark__exact_ratio(numerator, denominator, digits) -%}
    {%- set scaled = '(cast(' ~ numerator ~ ' as decimal(38, 0)) * ' ~ 10 ** (12 - digits) ~ ')' -%}
    {%- set divisor = 'cast(' ~ denominator ~ ' as decimal(38, 0))' -%}
    {#- subtracting the remainder makes the division exact; `div` would return a bigint -#}
    case
        when {{ denominator }} > 0 then
            cast(try_cast(
                ({{ scaled }} - {{ scaled }} % {{ divisor }}) / {{ divisor }} as decimal(24, 0)
            ) * cast(0.000000000001 as decimal(13, 12)) as decimal(38, 12))
    end
{%- endmacro %}

{#
    A decimal with at most 12 decimal places, rounded to six, halves away from zero; null when it is
    too large.
#}
{% macro rounded_decimal(value) %}
    {{- adapter.dispatch('rounded_decimal', 'churn')(value) -}}
{% endmacro %}
{% macro default__rounded_decimal(value) -%}
    case
        {#- the same result in a fortieth of the time, when 64 bits are enough #}
        when {{ value }} between -999999 and 999999
            then cast(cast({{ value }} as decimal(18, 12)) as decimal(18, 6))
        else try_cast({{ value }} as decimal(18, 6))
    end
{%- endmacro %}
{% macro spark__rounded_decimal(value) -%}
    {{ try_cast(value, 'decimal(18, 6)') }}
{%- endmacro %}

{# A floating-point fraction rounded to six decimal places, halves away from zero. #}
{% macro rounded_fraction(value) %}
    {{- adapter.dispatch('rounded_fraction', 'churn')(value) -}}
{% endmacro %}
{% macro default__rounded_fraction(value) -%}
    try_cast({{ value }} as decimal(18, 6))
{%- endmacro %}
{% macro spark__rounded_fraction(value) -%}
    {#- a plain cast in Spark would round the shortest decimal representation of the fraction -#}
    try_cast(
        try_cast(round({{ value }} * 1e6D) as decimal(24, 0)) * cast(0.000001 as decimal(7, 6))
        as decimal(18, 6)
    )
{%- endmacro %}

{# The first n non-null values, joined; null when there are none. #}
{% macro first_joined(values, n, separator) %}
    {{- adapter.dispatch('first_joined', 'churn')(values, n, separator) -}}
{% endmacro %}
{% macro default__first_joined(values, n, separator) -%}
    nullif(array_to_string(
        list_slice(
            list_filter(
                cast([{{ values | join(', ') }}] as string []), lambda value: value is not null
            ),
            1, {{ n }}
        ),
        '{{ separator }}'
    ), '')
{%- endmacro %}
{% macro spark__first_joined(values, n, separator) -%}
    nullif(array_join(
        slice(
            array_compact(cast(array({{ values | join(', ') }}) as array<string>)),
            1, {{ n }}
        ),
        '{{ separator }}'
    ), '')
{%- endmacro %}

{# Aggregate: the values joined in the given order; null when there are none. #}
{% macro joined_in_order(value, order_by, separator) %}
    {{- adapter.dispatch('joined_in_order', 'churn')(value, order_by, separator) -}}
{% endmacro %}
{% macro default__joined_in_order(value, order_by, separator) -%}
    string_agg({{ value }}, '{{ separator }}' order by {{ order_by }})
{%- endmacro %}
{% macro spark__joined_in_order(value, order_by, separator) -%}
    listagg({{ value }}, '{{ separator }}') within group (order by {{ order_by }})
{%- endmacro %}

{# One row for each part of a text, as a column of a select; no row for null. #}
{% macro each_part(text, separator) %}
    {{- adapter.dispatch('each_part', 'churn')(text, separator) -}}
{% endmacro %}
{% macro default__each_part(text, separator) -%}
    unnest(string_split({{ text }}, {{ separator }}))
{%- endmacro %}
{% macro spark__each_part(text, separator) -%}
    explode(split({{ text }}, '\\Q' || {{ separator }} || '\\E'))
{%- endmacro %}

{# Aggregate: the median. For an even number of values, the mean of the middle two. #}
{% macro median_of(value) %}
    {{- adapter.dispatch('median_of', 'churn')(value) -}}
{% endmacro %}
{% macro default__median_of(value) -%}
    cast(median({{ value }}) as decimal(18, 6))
{%- endmacro %}

{# Stops the build with a message, from inside a query. #}
{% macro stop_build(message) %}
    {{- adapter.dispatch('stop_build', 'churn')(message) -}}
{% endmacro %}
{% macro default__stop_build(message) -%}
    error({{ message }})
{%- endmacro %}
{% macro spark__stop_build(message) -%}
    raise_error({{ message }})
{%- endmacro %}

{# The path of the file that a row was read from. #}
{% macro stored_file_name() %}
    {{- adapter.dispatch('stored_file_name', 'churn')() -}}
{% endmacro %}
{% macro default__stored_file_name() -%}
    filename
{%- endmacro %}
{% macro spark__stored_file_name() -%}
    input_file_name()
{%- endmacro %}
