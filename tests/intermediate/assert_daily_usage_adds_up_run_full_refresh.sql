-- Daily usage adds up to the staged rows of each day. It does not when data was replaced and only
-- some models were rebuilt: run `dbt build --full-refresh`.
with

daily_usage as (

    select
        usage_date,
        sum(usage_rows) as usage_rows,
        sum(usage_count) as usage_count,
        sum(error_count) as error_count
    from {{ ref('int_daily_usage') }}
    group by usage_date

),

staged_usage as (

    select
        usage_date,
        count(*) as usage_rows,
        sum(usage_count) as usage_count,
        coalesce(sum(error_count), 0) as error_count
    from {{ ref('stg_saas__feature_usage') }}
    group by usage_date

)

select
    coalesce(daily_usage.usage_date, staged_usage.usage_date) as usage_date,
    daily_usage.usage_rows as daily_rows,
    staged_usage.usage_rows as staged_rows
from daily_usage
full join staged_usage on daily_usage.usage_date = staged_usage.usage_date
where
    daily_usage.usage_rows is distinct from staged_usage.usage_rows
    or daily_usage.usage_count is distinct from staged_usage.usage_count
    or daily_usage.error_count is distinct from staged_usage.error_count
