-- the first and last day of usage of each subscription agree with its daily usage
with

expected_spans as (

    select
        subscription_id,
        min(usage_date) as first_usage_date,
        max(usage_date) as last_usage_date
    from {{ ref('int_daily_usage') }}
    group by subscription_id

),

spans as (

    select * from {{ ref('int_subscription_usage') }}

)

select
    coalesce(expected_spans.subscription_id, spans.subscription_id) as subscription_id,
    spans.first_usage_date,
    spans.last_usage_date
from expected_spans
full join spans on expected_spans.subscription_id = spans.subscription_id
where
    spans.first_usage_date is distinct from expected_spans.first_usage_date
    or spans.last_usage_date is distinct from expected_spans.last_usage_date
