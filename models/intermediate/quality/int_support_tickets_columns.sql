-- one row per column of the file of tickets: how many of its rows have a value
{{ config(
    materialized=grown_table(),
    incremental_strategy='delete+insert',
    unique_key='column_name',
    meta={'grows_with': ['support_tickets']},
) }}
{{ column_counts_so_far('support_tickets') }}
