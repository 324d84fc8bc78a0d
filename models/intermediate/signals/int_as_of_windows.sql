-- one row per as-of date: how many rows of the sources its windows hold
with

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

usage_days as (

    select * from {{ ref('int_usage_days') }}

),

support_tickets as (

    select * from {{ ref('stg_saas__support_tickets') }}

),

ticket_days as (

    select
        cast(submitted_at as date) as submitted_date,
        count(*) as tickets
    from support_tickets
    group by cast(submitted_at as date)

),

usage_windows as (

    select
        as_of_dates.as_of_date,
        sum(usage_days.usage_rows) as usage_rows
    from as_of_dates
    -- a day falls into the windows of several as-of dates
    inner join usage_days
        on {{ in_both_windows('usage_days.usage_date', 'as_of_dates.as_of_date') }}
    group by as_of_dates.as_of_date

),

support_windows as (

    select
        as_of_dates.as_of_date,
        sum(ticket_days.tickets) as tickets
    from as_of_dates
    inner join ticket_days
        on {{ in_current_window('ticket_days.submitted_date', 'as_of_dates.as_of_date') }}
    group by as_of_dates.as_of_date

),

windows as (

    select
        as_of_dates.as_of_date,
        cast(coalesce(usage_windows.usage_rows, 0) as bigint) as window_usage_rows,
        cast(coalesce(support_windows.tickets, 0) as bigint) as window_tickets
    from as_of_dates
    left join usage_windows on as_of_dates.as_of_date = usage_windows.as_of_date
    left join support_windows on as_of_dates.as_of_date = support_windows.as_of_date

)

select * from windows
