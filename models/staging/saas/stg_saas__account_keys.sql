-- one row per account and additional key of it
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

        -- text; letter case does not matter
        lower(key_type) as key_type,
        lower(key_value) as key_value

    from source

)

select * from renamed
