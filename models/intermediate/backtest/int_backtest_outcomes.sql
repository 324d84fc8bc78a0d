-- one row per backtest date and customer active on it: whether and when the customer left within
-- the horizon
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_backtest

),

signals as (

    select * from {{ ref('int_customer_signals') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

churn_events as (

    select * from {{ ref('stg_saas__churn_events') }}

),

account_churns as (

    select
        as_of_dates.as_of_date,
        churn_events.account_id,
        min(churn_events.churn_date) as churn_date
    from as_of_dates
    -- fan-out: an event can be within the horizon of several dates
    inner join churn_events
        on {{ in_horizon('churn_events.churn_date', 'as_of_dates.as_of_date') }}
    group by as_of_dates.as_of_date, churn_events.account_id

),

outcomes as (

    select
        signals.as_of_date,
        signals.customer_id,
        signals.account_id,
        case
            when {{ in_horizon('customers.end_date', 'signals.as_of_date') }}
                then customers.end_date
        end as ended_on,
        account_churns.churn_date as account_churned_on
    from signals
    inner join as_of_dates on signals.as_of_date = as_of_dates.as_of_date
    inner join customers on signals.customer_id = customers.customer_id
    left join account_churns
        on signals.as_of_date = account_churns.as_of_date
        and signals.account_id = account_churns.account_id
    where signals.is_active

)

select * from outcomes
