-- one row per message and engine: the customer or account that its keys identify, and its date
with

ticket_enrichments as (

    select * from {{ ref('int_ticket_enrichments') }}

),

-- only tickets of messages that an engine has read need a link
read_tickets as (

    select ticket_id
    from ticket_enrichments
    group by ticket_id

),

customers as (

    select * from {{ ref('int_customers') }}

),

accounts as (

    select * from {{ ref('stg_saas__accounts') }}

),

support_tickets as (

    select support_tickets.*
    from {{ ref('stg_saas__support_tickets') }} as support_tickets
    inner join read_tickets on support_tickets.ticket_id = read_tickets.ticket_id

),

account_keys as (

    select * from {{ ref('stg_saas__account_keys') }}

),

-- a ticket id used by two accounts identifies neither; if one account's tickets with the same id
-- have different days, the later one counts, so that nothing is known before it was said
unambiguous_tickets as (

    select
        ticket_id,
        min(account_id) as account_id,
        max(cast(submitted_at as date)) as submitted_date
    from support_tickets
    group by ticket_id
    having count(distinct account_id) = 1

),

tickets as (

    select unambiguous_tickets.*
    from unambiguous_tickets
    inner join accounts on unambiguous_tickets.account_id = accounts.account_id

),

-- a key that two accounts share identifies neither
unambiguous_keys as (

    select
        key_type,
        key_value,
        min(account_id) as account_id
    from account_keys
    group by key_type, key_value
    having count(distinct account_id) = 1

),

keys as (

    select
        unambiguous_keys.key_type,
        unambiguous_keys.key_type || '=' || unambiguous_keys.key_value as match_key,
        unambiguous_keys.account_id
    from unambiguous_keys
    inner join accounts on unambiguous_keys.account_id = accounts.account_id

),

-- fan-out: one row per key from here on
message_keys as (

    select
        message_id,
        engine,
        {{ each_part('match_keys', 'chr(10)') }} as match_key
    from ticket_enrichments

),

-- keys that point to two accounts identify neither
key_accounts as (

    select
        message_keys.message_id,
        message_keys.engine,
        min(keys.key_type) as key_type,
        min(keys.account_id) as account_id
    from message_keys
    inner join keys on message_keys.match_key = keys.match_key
    group by message_keys.message_id, message_keys.engine
    having count(distinct keys.account_id) = 1

),

-- the first known key wins, from the customer's own keys to the account's
found as (

    select
        ticket_enrichments.message_id,
        ticket_enrichments.engine,
        case
            when subscribers.customer_id is not null then 'subscription_id'
            when customers.customer_id is not null then 'customer_id'
            when tickets.ticket_id is not null then 'ticket_id'
            when accounts.account_id is not null then 'account_id'
            else key_accounts.key_type
        end as linked_by,
        coalesce(subscribers.customer_id, customers.customer_id) as customer_id,
        coalesce(
            subscribers.account_id,
            customers.account_id,
            tickets.account_id,
            accounts.account_id,
            key_accounts.account_id
        ) as account_id,
        tickets.account_id as ticket_account_id,
        tickets.submitted_date as ticket_date,
        cast(ticket_enrichments.submitted_at as date) as submitted_date
    from ticket_enrichments
    left join customers as subscribers
        on ticket_enrichments.subscription_id = subscribers.customer_id
    left join customers on ticket_enrichments.customer_id = customers.customer_id
    left join tickets on ticket_enrichments.ticket_id = tickets.ticket_id
    left join accounts on ticket_enrichments.account_id = accounts.account_id
    left join key_accounts
        on ticket_enrichments.message_id = key_accounts.message_id
        and ticket_enrichments.engine = key_accounts.engine

),

ticket_links as (

    select
        message_id,
        engine,
        case
            when customer_id is not null then 'customer'
            when account_id is not null then 'account'
            else 'unlinked'
        end as link_level,
        linked_by,
        customer_id,
        account_id,
        -- the ticket of another account does not date the message
        coalesce(
            submitted_date, case when ticket_account_id = account_id then ticket_date end
        ) as message_date
    from found

)

select * from ticket_links
