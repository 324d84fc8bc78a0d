-- one row per customer and dated message that speaks of leaving
with

ticket_enrichments as (

    select *
    from {{ ref('int_ticket_enrichments') }}
    where engine = {{ sql_text(var('enrichment_engine')) }}

),

ticket_links as (

    select * from {{ ref('int_ticket_links') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

intents as (

    select
        ticket_links.link_level,
        ticket_links.customer_id,
        ticket_links.account_id,
        ticket_links.message_date
    from ticket_enrichments
    inner join ticket_links
        on ticket_enrichments.message_id = ticket_links.message_id
        and ticket_enrichments.engine = ticket_links.engine
    where ticket_enrichments.churn_intent and ticket_links.message_date is not null

),

churn_intents as (

    select
        customer_id,
        false as is_account_level,
        message_date as intent_date
    from intents
    where link_level = 'customer'

    union all

    select
        customers.customer_id,
        true as is_account_level,
        intents.message_date as intent_date
    from intents
    -- fan-out: a message of the account counts for each of its customers
    inner join customers on intents.account_id = customers.account_id
    where intents.link_level = 'account'

)

select * from churn_intents
