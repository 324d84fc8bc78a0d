-- one row per message and engine: the newest answer, else the newest error
with

results as (

    select * from {{ ref('stg_store__enrichment_results') }}

),

markers as (

    select max(cleared_at) as cleared_at
    from {{ ref('stg_store__enrichment_markers') }}

),

ticket_messages as (

    select * from {{ ref('stg_saas__ticket_messages') }}

),

-- the store outlives the data, and what was cleared stays in it: both unseen
seen as (

    select results.*
    from results
    cross join markers
    left join ticket_messages on results.message_id = ticket_messages.message_id
    where
        (markers.cleared_at is null or results.created_at > markers.cleared_at)
        and (not results.is_from_data or ticket_messages.message_id is not null)

),

ticket_enrichments as (

    select *
    from seen
    qualify
        row_number() over (
            partition by message_id, engine
            order by error is not null, created_at desc, result_id desc
        ) = 1

)

select * from ticket_enrichments
