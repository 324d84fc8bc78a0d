-- one row per as-of date and account with tickets in the support window
with

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

support_tickets as (

    select * from {{ ref('stg_saas__support_tickets') }}

),

windowed as (

    select
        as_of_dates.as_of_date,
        support_tickets.account_id,
        support_tickets.ticket_id,
        support_tickets.submitted_at,
        support_tickets.escalation_flag,
        support_tickets.first_response_time_minutes,
        {{ known_when_closed(
            'support_tickets', 'satisfaction_score', 'as_of_dates.as_of_date'
        ) | indent(4) }} as satisfaction_score,
        {{ known_when_closed(
            'support_tickets', 'resolution_time_hours', 'as_of_dates.as_of_date'
        ) | indent(4) }} as resolution_time_hours
    from support_tickets
    -- fan-out: a ticket is in the windows of several as-of dates
    inner join as_of_dates
        on {{ in_current_window(
            'cast(support_tickets.submitted_at as date)', 'as_of_dates.as_of_date'
        ) }}

),

latest_scores as (

    select
        as_of_date,
        account_id,
        satisfaction_score
    from windowed
    where satisfaction_score is not null
    qualify
        row_number() over (
            partition by as_of_date, account_id
            order by {{ latest_score_first() }}
        ) = 1

),

metrics as (

    select
        as_of_date,
        account_id,
        count(*) as tickets_30d,
        count(*) filter (where escalation_flag) as escalations_30d,
        {{ average('satisfaction_score') }} as avg_csat,
        {{ average('first_response_time_minutes') }} as avg_first_response_min,
        {{ average('resolution_time_hours') }} as avg_resolution_hrs
    from windowed
    group by as_of_date, account_id

),

account_support as (

    select
        metrics.*,
        latest_scores.satisfaction_score
    from metrics
    left join latest_scores
        on metrics.as_of_date = latest_scores.as_of_date
        and metrics.account_id = latest_scores.account_id

)

select * from account_support
