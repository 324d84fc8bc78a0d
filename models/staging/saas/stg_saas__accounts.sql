-- one row per account: the company
with

source as (

    select *
    from {{ ref('checked_saas__accounts') }}
    where row_fate = 'staged'

),

renamed as (

    select
        -- ids
        account_id,

        -- text
        account_name,
        industry,
        country,
        referral_source,
        plan_tier,
        csm_name,
        csm_email,

        -- numbers
        seats,

        -- booleans
        is_trial,
        churn_flag,

        -- dates
        signup_date

    from source

)

select * from renamed
