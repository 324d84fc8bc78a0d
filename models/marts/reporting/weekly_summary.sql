-- one row: the changes of the week in one sentence
with

risk_trend as (

    select * from {{ ref('risk_trend') }}

),

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

list_changes as (

    select
        coalesce(sum(case when list_status = 'new' then accounts end), 0) as new_accounts,
        coalesce(sum(case when list_status = 'overdue' then accounts end), 0) as overdue_accounts
    from {{ ref('list_changes') }}

),

weekly_summary as (

    select
        risk_trend.as_of_date,
        case when risk_trend.high_change is not null then risk_trend.previous_date end
            as previous_date,
        case
            when risk_trend.high_change is null
                then 'There is no earlier week to compare with.'
            else
                'In about a week, customers at High risk '
                || {{ change_in_words('risk_trend.high', 'risk_trend.high_change') }}
                || ', those at Medium risk '
                || {{ change_in_words('risk_trend.medium', 'risk_trend.medium_change') }}
                || ', and ARR at risk '
                || {{ change_in_words('risk_trend.arr_at_risk', 'risk_trend.arr_at_risk_change') }}
                || '.'
        end
        || ' Accounts new on the list: ' || {{ with_commas('list_changes.new_accounts') }}
        || '; overdue: ' || {{ with_commas('list_changes.overdue_accounts') }} || '.' as sentence
    from risk_trend
    inner join as_of_dates on risk_trend.as_of_date = as_of_dates.as_of_date
    cross join list_changes

)

select * from weekly_summary
