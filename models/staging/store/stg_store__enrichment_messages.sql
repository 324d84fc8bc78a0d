-- one row per file of tickets and message that it currently contains
with

source as (

    {{ stored_rows('enrichment/messages', {
        'source_file': 'string',
        'message_id': 'string',
    }, always_known=['source_file', 'message_id']) | indent(4) }}

),

renamed as (

    select
        source_file,
        message_id
    from source

)

select * from renamed
