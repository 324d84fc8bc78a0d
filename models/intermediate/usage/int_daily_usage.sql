-- one row per subscription and day with usage
{{ config(
    materialized='table' if target.type == 'spark' else 'incremental',
    incremental_strategy='delete+insert',
    on_schema_change='fail',
    unique_key='usage_date',
) }}
with

feature_usage as (

    select * from {{ ref('stg_saas__feature_usage') }}

),

{% if is_incremental() -%}
-- not from the import CTE above: engines materialise a CTE that is used twice
staged_days as (

    select
        usage_date,
        count(*) as usage_rows
    from {{ ref('stg_saas__feature_usage') }}
    group by usage_date

),

built_days as (

    select
        usage_date,
        sum(usage_rows) as usage_rows
    from {{ this }}
    group by usage_date

),

-- a file only grows, so a day with the same number of rows has not changed
grown_days as (

    select staged_days.usage_date
    from staged_days
    left join built_days on staged_days.usage_date = built_days.usage_date
    where staged_days.usage_rows != coalesce(built_days.usage_rows, 0)

),

{% endif -%}
daily_usage as (

    select
        feature_usage.subscription_id,
        feature_usage.usage_date,
        count(*) as usage_rows,
        cast(sum(feature_usage.usage_count) as bigint) as usage_count,
        cast(coalesce(sum(feature_usage.error_count), 0) as bigint) as error_count
    from feature_usage
    {%- if is_incremental() %}
    inner join grown_days on feature_usage.usage_date = grown_days.usage_date
    {%- endif %}
    group by feature_usage.subscription_id, feature_usage.usage_date

)

select * from daily_usage
