-- one row per customer (a subscription of a known account), with attributes of both
with

accounts as (

    select * from {{ ref('stg_saas__accounts') }}

),

subscriptions as (

    select * from {{ ref('stg_saas__subscriptions') }}

),

churn_events as (

    select * from {{ ref('stg_saas__churn_events') }}

),

first_churns as (

    select
        account_id,
        min(churn_date) as churn_date
    from churn_events
    group by account_id

),

customers as (

    select
        subscriptions.subscription_id as customer_id,
        subscriptions.account_id,

        accounts.account_name,
        accounts.industry,
        accounts.country,
        accounts.referral_source,
        accounts.csm_name,
        subscriptions.plan_tier,
        subscriptions.billing_frequency,

        subscriptions.seats,
        coalesce(
            subscriptions.arr_amount, cast(subscriptions.mrr_amount * 12 as decimal(18, 2))
        ) as arr,
        subscriptions.mrr_amount as mrr,

        subscriptions.is_trial,
        subscriptions.upgrade_flag,
        subscriptions.downgrade_flag,
        subscriptions.auto_renew_flag,

        accounts.signup_date,
        subscriptions.start_date,
        subscriptions.end_date,
        subscriptions.renewal_date,
        first_churns.churn_date as first_churn_date
    from subscriptions
    -- only known accounts: people need somebody to call
    inner join accounts on subscriptions.account_id = accounts.account_id
    left join first_churns on subscriptions.account_id = first_churns.account_id

)

select * from customers
