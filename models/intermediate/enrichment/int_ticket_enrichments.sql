-- one row per message and engine: the latest answer, otherwise the latest error
with

results as (

    select * from {{ ref('stg_store__enrichment_results') }}

),

markers as (

    select max(cleared_at) as cleared_at
    from {{ ref('stg_store__enrichment_markers') }}

),

-- the current messages: those of the table ticket_messages and of the files of tickets
messages as (

    select
        true as is_from_data,
        cast(null as string) as source_file,
        message_id
    from {{ ref('stg_saas__ticket_messages') }}

    union all

    select
        false as is_from_data,
        source_file,
        message_id
    from {{ ref('stg_store__enrichment_messages') }}

),

-- the store outlives the data and keeps cleared results; both are ignored
seen as (

    select results.*
    from results
    cross join markers
    inner join messages
        on results.message_id = messages.message_id
        and results.is_from_data = messages.is_from_data
        and (results.is_from_data or results.source_file = messages.source_file)
    where markers.cleared_at is null or results.created_at > markers.cleared_at

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
