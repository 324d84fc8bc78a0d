-- The bare aggregation of the two usage windows: nothing is staged, checked or scored.
-- `set variable data_dir = '<folder of loaded data>'` comes first.

set variable as_of = (
    select max(try_cast(usage_date as date))
    from read_parquet(getvariable('data_dir') || '/feature_usage.parquet')
);

create table usage_windows as
with feature_usage as (
    select
        subscription_id as customer_id,
        try_cast(usage_date as date) as usage_date,
        try_cast(usage_count as bigint) as usage_count,
        try_cast(error_count as bigint) as error_count
    from read_parquet(getvariable('data_dir') || '/feature_usage.parquet')
)

select
    customer_id,
    sum(usage_count) filter (where usage_date >= getvariable('as_of') - 30) as usage_30d,
    sum(usage_count) filter (where usage_date < getvariable('as_of') - 30) as usage_prev30d,
    sum(error_count) filter (where usage_date >= getvariable('as_of') - 30) as errors_30d
from feature_usage
where usage_date between getvariable('as_of') - 60 and getvariable('as_of')
group by customer_id;
