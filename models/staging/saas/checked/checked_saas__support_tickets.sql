-- one row per row of support_tickets, typed, with its fate: staged, rejected or duplicate
{{ config(
    materialized=grown_table(),
    incremental_strategy='delete+insert',
    unique_key='_row_number',
    meta={'grows_with': ['support_tickets']},
) }}
{{ checked_rows('support_tickets') }}
