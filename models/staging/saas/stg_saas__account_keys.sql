-- one row per account and further key of it
with

source as (

    select *
    from {{ ref('checked_saas__account_keys') }}
    where row_fate = 'staged'

),

renamed as (

    select
        -- ids
        account_id,

        -- text: upper and lower case mean the same
        lower(key_type) as key_type,
        lower(key_value) as key_value

    from source

)

select * from renamed
