-- one row per source row of feature_usage, typed, with its fate: staged, rejected, duplicate or
-- pending
{{ config(
    materialized='table' if target.type == 'spark' else 'incremental',
    incremental_strategy='delete+insert',
    on_schema_change='fail',
    unique_key='_row_number',
) }}
-- depends_on: {{ ref('stg_saas__subscriptions') }}, for the lateness cut-off
{{ checked_rows('feature_usage') }}
