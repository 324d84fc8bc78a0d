-- one row per customer at the as-of date and signal: the source rows behind the signal
{{ config(materialized='view') }}
{%- set counted_signals = [
    'usage_30d', 'usage_prev30d', 'errors_30d', 'tickets_30d', 'escalations_30d',
    'satisfaction_score', 'churn_intent_30d',
] %}
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

customers as (

    select * from {{ ref('int_customers') }}

),

feature_usage as (

    select * from {{ ref('stg_saas__feature_usage') }}

),

support_tickets as (

    select * from {{ ref('stg_saas__support_tickets') }}

),

churn_intents as (

    select * from {{ ref('int_customer_churn_intents') }}

),

signal_windows as (

    {% for signal in counted_signals -%}
    select
        '{{ signal }}' as signal_name,
        {{ loop.index }} as signal_order,
        '{{ risk_signals()[signal]['source'] }}' as source_table,
        {% if signal == 'usage_prev30d' -%}
        {{ prior_window_start('as_of_date') }} as window_start,
        {{ current_window_start('as_of_date') }} - 1 as window_end,
        {%- else -%}
        {{ current_window_start('as_of_date') }} as window_start,
        as_of_date as window_end,
        {%- endif %}
        as_of_date
    from as_of_dates
    {% if not loop.last -%}
    union all
    {% endif -%}
    {%- endfor %}
),

usage_rows as (

    select
        feature_usage.*,
        {{ in_current_window('feature_usage.usage_date', 'as_of_dates.as_of_date') }} as is_current
    from feature_usage
    inner join as_of_dates
        on {{ in_both_windows('feature_usage.usage_date', 'as_of_dates.as_of_date') }}

),

usage_counts as (

    select
        subscription_id as customer_id,
        case when is_current then 'usage_30d' else 'usage_prev30d' end as signal_name,
        count(*) as row_count,
        min(usage_date) as first_date,
        max(usage_date) as last_date,
        cast(sum(usage_count) as bigint) as total,
        cast(null as string) as tickets
    from usage_rows
    group by subscription_id, is_current

),

error_counts as (

    select
        subscription_id as customer_id,
        'errors_30d' as signal_name,
        count(*) as row_count,
        min(usage_date) as first_date,
        max(usage_date) as last_date,
        cast(sum(error_count) as bigint) as total,
        cast(null as string) as tickets
    from usage_rows
    where is_current and error_count > 0
    group by subscription_id

),

ticket_rows as (

    select
        support_tickets.account_id,
        support_tickets.ticket_id,
        support_tickets.submitted_at,
        support_tickets.escalation_flag,
        {{ known_when_closed(
            'support_tickets', 'satisfaction_score', 'as_of_dates.as_of_date'
        ) | indent(4) }} as satisfaction_score
    from support_tickets
    inner join as_of_dates
        on {{ in_current_window(
            'cast(support_tickets.submitted_at as date)', 'as_of_dates.as_of_date'
        ) }}

),

signal_tickets as (

    select
        *,
        'tickets_30d' as signal_name,
        ticket_id as ticket
    from ticket_rows
    union all
    select
        *,
        'escalations_30d' as signal_name,
        ticket_id as ticket
    from ticket_rows
    where escalation_flag
    union all
    select
        *,
        'satisfaction_score' as signal_name,
        ticket_id || ' (' || cast(satisfaction_score as string) || ')' as ticket
    from ticket_rows
    where satisfaction_score is not null

),

ranked_tickets as (

    select
        *,
        row_number() over (
            partition by account_id, signal_name
            order by {{ latest_score_first() }}
        ) as ticket_rank
    from signal_tickets

),

ticket_counts as (

    select
        account_id,
        signal_name,
        count(*) as row_count,
        cast(min(submitted_at) as date) as first_date,
        cast(max(submitted_at) as date) as last_date,
        case
            when signal_name = 'satisfaction_score'
                then max(case when ticket_rank = 1 then satisfaction_score end)
            else count(*)
        end as total,
        {{ joined_in_order(
            'case when ticket_rank <= 10 then ticket end', 'ticket_rank', ', '
        ) }} as tickets
    from ranked_tickets
    group by account_id, signal_name

),

customer_tickets as (

    select
        customers.customer_id,
        ticket_counts.signal_name,
        ticket_counts.row_count,
        ticket_counts.first_date,
        ticket_counts.last_date,
        ticket_counts.total,
        ticket_counts.tickets
    from ticket_counts
    -- fan-out: the tickets of an account count for each of its customers
    inner join customers on ticket_counts.account_id = customers.account_id

),

intent_counts as (

    select
        churn_intents.customer_id,
        'churn_intent_30d' as signal_name,
        count(*) as row_count,
        min(churn_intents.intent_date) as first_date,
        max(churn_intents.intent_date) as last_date,
        count(*) as total,
        cast(null as string) as tickets
    from churn_intents
    inner join as_of_dates
        on {{ in_current_window('churn_intents.intent_date', 'as_of_dates.as_of_date') }}
    inner join customers on churn_intents.customer_id = customers.customer_id
    where {{ is_about_customer('churn_intents', 'customers', 'as_of_dates.as_of_date') }}
    group by churn_intents.customer_id

),

counted as (

    select * from usage_counts
    union all
    select * from error_counts
    union all
    select * from customer_tickets
    union all
    select * from intent_counts

),

signal_sources as (

    select
        customers.customer_id,
        signal_windows.signal_name,
        signal_windows.signal_order,
        signal_windows.source_table,
        signal_windows.window_start,
        signal_windows.window_end,
        coalesce(counted.row_count, 0) as row_count,
        counted.first_date,
        counted.last_date,
        case
            when signal_windows.signal_name = 'satisfaction_score' then counted.total
            else coalesce(counted.total, 0)
        end as total,
        counted.tickets
    from customers
    -- every signal of every customer who has started
    inner join signal_windows on customers.start_date <= signal_windows.as_of_date
    left join counted
        on customers.customer_id = counted.customer_id
        and signal_windows.signal_name = counted.signal_name

)

select * from signal_sources
order by customer_id, signal_order
