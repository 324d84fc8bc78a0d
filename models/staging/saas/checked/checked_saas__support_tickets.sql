-- one row per source row of support_tickets, typed, with its fate: staged, rejected or duplicate
{{ config(
    materialized='table' if target.type == 'spark' else 'incremental',
    incremental_strategy='delete+insert',
    on_schema_change='fail',
    unique_key='_row_number',
) }}
{{ checked_rows('support_tickets') }}
