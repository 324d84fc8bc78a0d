-- one row per column of the file of usage: how many of its rows have a value
{{ config(
    materialized=grown_table(),
    incremental_strategy='delete+insert',
    unique_key='column_name',
) }}
{{ column_counts_so_far('feature_usage') }}
