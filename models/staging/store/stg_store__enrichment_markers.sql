-- one row per clearing of results
with

source as (

    {{ stored_rows('enrichment/markers', {
        'cleared_at': 'timestamp',
    }, always_known=['cleared_at']) | indent(4) }}

),

renamed as (

    select cleared_at
    from source

)

select * from renamed
