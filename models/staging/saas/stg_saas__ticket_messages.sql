-- one row per message that a customer wrote
with

source as (

    select *
    from {{ ref('checked_saas__ticket_messages') }}
    where row_fate = 'staged'

),

renamed as (

    select
        -- ids; a message has none of its own, so the hash of all its columns identifies it
        _row_hash as message_id,
        ticket_id,
        account_id,
        subscription_id,
        customer_id,

        -- text
        subject,
        coalesce(body, text, description, message, content) as body,
        language,
        queue,
        priority,
        type,
        version,
        tags,

        -- dates
        submitted_at

    from source

)

select * from renamed
