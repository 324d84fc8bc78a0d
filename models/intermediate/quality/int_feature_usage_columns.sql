-- one row per column of the file of usage: how many of its rows have a value
{{ config(
    materialized=grown_table(),
    incremental_strategy='delete+insert',
    unique_key='column_name',
) }}
{%- set since = last_row_number('last_row_number') if is_incremental() else none %}
with

new_rows as (

    {{ column_counts('feature_usage', since) | indent(4) }}

),

columns_so_far as (

    select
        new_rows.last_row_number,
        new_rows.column_name,
        new_rows.row_count + {{ 'built.row_count' if is_incremental() else 0 }} as row_count,
        new_rows.filled_rows + {{ 'built.filled_rows' if is_incremental() else 0 }} as filled_rows,
        {{ fingerprint() }}
    from new_rows
    {%- if is_incremental() %}
    inner join {{ this }} as built on new_rows.column_name = built.column_name
    {%- endif %}

)

select * from columns_so_far
