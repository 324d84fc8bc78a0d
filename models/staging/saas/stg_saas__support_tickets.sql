-- one row per support ticket of an account
with

source as (

    select *
    from {{ ref('checked_saas__support_tickets') }}
    where row_fate = 'staged'

),

renamed as (

    select
        -- ids
        ticket_id,
        account_id,

        -- text
        priority,

        -- numbers
        resolution_time_hours,
        first_response_time_minutes,
        satisfaction_score,

        -- booleans
        escalation_flag,

        -- dates
        submitted_at,
        closed_at

    from source

)

select * from renamed
