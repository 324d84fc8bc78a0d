{#
    The rows of an incremental table equal the rows of its file. The test compares every column of
    about a thousand rows. It fails when other data has replaced the file since the last build.
#}
{% test rows_of_file(model, file, table_name) %}
with

size as (

    select
        max(_row_number) as last_row_number,
        greatest(cast(floor(max(_row_number) / 1000.0) as bigint), 1) as step
    from {{ model }}

),

compared as (

    select built.*
    from {{ model }} as built
    cross join size
    where built._row_number % size.step = 0 or built._row_number = size.last_row_number

)

select compared._row_number
from compared
left join {{ file }} as source on compared._row_number = source._row_number
where
    source._row_number is null
    {%- for column, type in saas_columns(table_name).items() %}
    or compared.{{ column }} is distinct from {{ read_value(trimmed('source.' ~ column), type) }}
    {%- endfor %}
{% endtest %}
