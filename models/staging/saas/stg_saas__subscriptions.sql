-- one row per subscription: the customer
with

source as (

    select *
    from {{ ref('checked_saas__subscriptions') }}
    where row_fate = 'staged'

),

renamed as (

    select
        -- ids
        subscription_id,
        account_id,

        -- text
        plan_tier,
        billing_frequency,

        -- numbers
        seats,
        mrr_amount,
        arr_amount,

        -- booleans
        is_trial,
        upgrade_flag,
        downgrade_flag,
        churn_flag,
        auto_renew_flag,

        -- dates
        start_date,
        end_date,
        renewal_date

    from source

)

select * from renamed
