-- one row per usage record of a subscription
with

source as (

    select *
    from {{ ref('checked_saas__feature_usage') }}
    where row_fate = 'staged'

),

renamed as (

    select
        -- ids
        subscription_id,
        usage_id,

        -- text
        feature_name,

        -- numbers
        usage_count,
        usage_duration_secs,
        error_count,

        -- booleans
        is_beta_feature,

        -- dates
        usage_date

    from source

)

select * from renamed
