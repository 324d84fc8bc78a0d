-- one row per message and engine: the sender, and what the engine read in it
with

ticket_enrichments as (

    select * from {{ ref('int_ticket_enrichments') }}

),

ticket_links as (

    select * from {{ ref('int_ticket_links') }}

),

accounts as (

    select * from {{ ref('stg_saas__accounts') }}

),

ticket_insights as (

    select
        ticket_enrichments.message_id,
        ticket_enrichments.engine,
        ticket_links.link_level,
        ticket_links.linked_by,
        ticket_links.customer_id,
        ticket_links.account_id,
        accounts.account_name,
        ticket_links.message_date,
        ticket_enrichments.source_file,
        ticket_enrichments.is_from_data,
        ticket_enrichments.engine = {{ sql_text(var('enrichment_engine')) }} as is_scored,
        ticket_enrichments.ticket_id,
        ticket_enrichments.queue,
        ticket_enrichments.priority,
        ticket_enrichments.ticket_type,
        ticket_enrichments.ticket_language,
        ticket_enrichments.summary,
        ticket_enrichments.category,
        ticket_enrichments.sentiment,
        ticket_enrichments.churn_intent,
        ticket_enrichments.signals,
        ticket_enrichments.recommended_action,
        ticket_enrichments.language,
        ticket_enrichments.error,
        ticket_enrichments.model,
        ticket_enrichments.prompt_version,
        ticket_enrichments.created_at
    from ticket_enrichments
    inner join ticket_links
        on ticket_enrichments.message_id = ticket_links.message_id
        and ticket_enrichments.engine = ticket_links.engine
    left join accounts on ticket_links.account_id = accounts.account_id

)

select * from ticket_insights
order by message_date desc nulls last, message_id, engine
