-- one row per status on the list of accounts to call: the changes of about a week
with

statuses as (

    select * from {{ ref('list_statuses') }}

),

at_risk_accounts as (

    select * from {{ ref('at_risk_accounts') }}

),

list_changes as (

    select
        statuses.list_status,
        statuses.status_order,
        count(at_risk_accounts.account_id) as accounts,
        cast(coalesce(sum(at_risk_accounts.arr_at_risk), 0) as decimal(18, 2)) as arr_at_risk
    from statuses
    -- includes statuses without an account
    left join at_risk_accounts on statuses.list_status = at_risk_accounts.list_status
    group by statuses.list_status, statuses.status_order

)

select * from list_changes
order by status_order
