-- one row per row of feature_usage, typed, with its fate: staged, rejected, duplicate or pending
{{ config(
    materialized=grown_table(),
    incremental_strategy='delete+insert',
    unique_key='_row_number',
) }}
{{ checked_rows('feature_usage') }}
