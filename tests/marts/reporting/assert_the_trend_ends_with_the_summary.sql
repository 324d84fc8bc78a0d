-- the trend's row for the as-of date equals the executive summary, and each change is the
-- difference of two rows
{%- set metrics = [
    'customers', 'high', 'medium', 'low', 'arr_at_risk', 'avg_risk_score',
    'usage_30d', 'tickets_30d', 'errors_30d',
] %}
with

risk_trend as (

    select * from {{ ref('risk_trend') }}

),

customer_risk as (

    select * from {{ ref('customer_risk') }}

),

account_tickets as (

    select
        account_id,
        max(tickets_30d) as tickets_30d
    from customer_risk
    group by account_id

),

tickets as (

    select coalesce(sum(tickets_30d), 0) as tickets_30d
    from account_tickets

),

sums as (

    select
        {{ average('risk_score') }} as avg_risk_score,
        coalesce(sum(usage_30d), 0) as usage_30d,
        coalesce(sum(errors_30d), 0) as errors_30d
    from customer_risk

)

select
    'a figure' as what,
    now_summary.usage_window_end as as_of_date
from {{ ref('executive_summary') }} as now_summary
cross join tickets
cross join sums
left join risk_trend on now_summary.usage_window_end = risk_trend.as_of_date
where
    risk_trend.customers is distinct from now_summary.customers
    or risk_trend.high is distinct from now_summary.high_risk_customers
    or risk_trend.medium is distinct from now_summary.medium_risk_customers
    or risk_trend.low is distinct from now_summary.customers - risk_trend.high - risk_trend.medium
    or risk_trend.arr_at_risk is distinct from now_summary.arr_at_risk
    or risk_trend.avg_risk_score is distinct from sums.avg_risk_score
    or risk_trend.usage_30d is distinct from sums.usage_30d
    or risk_trend.tickets_30d is distinct from tickets.tickets_30d
    or risk_trend.errors_30d is distinct from sums.errors_30d

union all

select
    'a change' as what,
    risk_trend.as_of_date
from risk_trend
left join risk_trend as earlier on risk_trend.previous_date = earlier.as_of_date
where
    {{ days_between('risk_trend.previous_date', 'risk_trend.as_of_date') }} not between 7 and 13
    {%- for metric in metrics %}
    or risk_trend.{{ metric }}_change
    is distinct from risk_trend.{{ metric }} - earlier.{{ metric }}
    {%- endfor %}
