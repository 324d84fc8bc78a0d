-- one row per churn event of an account
with

source as (

    select *
    from {{ ref('checked_saas__churn_events') }}
    where row_fate = 'staged'

),

renamed as (

    select
        -- ids
        account_id,
        churn_event_id,

        -- text
        reason_code,
        feedback_text,

        -- numbers
        refund_amount_usd,

        -- booleans
        preceding_upgrade_flag,
        preceding_downgrade_flag,
        is_reactivation,

        -- dates
        churn_date

    from source

)

select * from renamed
