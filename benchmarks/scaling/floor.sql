-- The floor: the work of the core as one script, written by hand for this data and no other.
-- Typed staging tables without rejected rows and exact duplicates, id collisions counted, both
-- usage windows, the support window, and the score of every customer by the rules `standard`.
-- `set variable data_dir = '<folder of loaded data>'` comes first.

create view raw_usage as
select
    trim(subscription_id) as subscription_id,
    usage_date,
    usage_count,
    trim(usage_id) as usage_id,
    feature_name,
    usage_duration_secs,
    error_count,
    is_beta_feature
from read_parquet(getvariable('data_dir') || '/feature_usage.parquet');

-- copies and collisions both repeat an id
create table repeated_usage_ids as
select usage_id
from raw_usage
where usage_id is not null
group by usage_id
having count(*) > 1;

create table feature_usage as
with marked as (
    select
        raw_usage.*,
        repeated.usage_id is not null as is_repeated
    from raw_usage
    left join repeated_usage_ids as repeated on raw_usage.usage_id = repeated.usage_id
),

without_copies as (
    select * from marked where not is_repeated
    union all
    select distinct * from marked where is_repeated
),

typed as (
    select
        subscription_id,
        usage_id,
        feature_name,
        try_cast(usage_date as date) as usage_date,
        try_cast(usage_count as bigint) as usage_count,
        try_cast(usage_duration_secs as decimal(18, 6)) as usage_duration_secs,
        case when not starts_with(error_count, '-') then try_cast(error_count as bigint) end
            as error_count,
        try_cast(is_beta_feature as boolean) as is_beta_feature
    from without_copies
)

select *
from typed
where subscription_id <> '' and usage_date is not null and usage_count >= 0;

create table usage_id_collisions as
select
    usage_id,
    count(*) as usage_rows
from feature_usage
semi join repeated_usage_ids using (usage_id)
group by usage_id
having count(*) > 1;

create table accounts as
select distinct
    trim(account_id) as account_id,
    account_name,
    industry,
    country,
    try_cast(signup_date as date) as signup_date,
    referral_source,
    plan_tier,
    try_cast(seats as bigint) as seats,
    try_cast(is_trial as boolean) as is_trial,
    try_cast(churn_flag as boolean) as churn_flag,
    csm_name
from read_parquet(getvariable('data_dir') || '/accounts.parquet')
where account_id is not null
qualify row_number() over (partition by account_id order by signup_date desc nulls last) = 1;

create table subscriptions as
select
    trim(subscription_id) as subscription_id,
    trim(account_id) as account_id,
    try_cast(start_date as date) as start_date,
    try_cast(end_date as date) as end_date,
    plan_tier,
    try_cast(seats as bigint) as seats,
    try_cast(mrr_amount as decimal(14, 2)) as mrr_amount,
    try_cast(arr_amount as decimal(14, 2)) as arr_amount,
    try_cast(is_trial as boolean) as is_trial,
    try_cast(upgrade_flag as boolean) as upgrade_flag,
    try_cast(downgrade_flag as boolean) as downgrade_flag,
    try_cast(churn_flag as boolean) as churn_flag,
    billing_frequency,
    try_cast(auto_renew_flag as boolean) as auto_renew_flag,
    try_cast(renewal_date as date) as renewal_date
from read_parquet(getvariable('data_dir') || '/subscriptions.parquet')
where
    subscription_id is not null
    and account_id is not null
    and try_cast(start_date as date) is not null
qualify row_number() over (partition by subscription_id order by start_date) = 1;

create table churn_events as
with without_copies as (
    select distinct * exclude (_row_number)
    from read_parquet(getvariable('data_dir') || '/churn_events.parquet')
)

select
    trim(account_id) as account_id,
    try_cast(churn_date as date) as churn_date,
    churn_event_id,
    reason_code,
    try_cast(refund_amount_usd as decimal(14, 2)) as refund_amount_usd,
    try_cast(preceding_upgrade_flag as boolean) as preceding_upgrade_flag,
    try_cast(preceding_downgrade_flag as boolean) as preceding_downgrade_flag,
    try_cast(is_reactivation as boolean) as is_reactivation
from without_copies
where account_id is not null and try_cast(churn_date as date) is not null;

create table support_tickets as
with without_copies as (
    select distinct * exclude (_row_number)
    from read_parquet(getvariable('data_dir') || '/support_tickets.parquet')
)

select
    ticket_id,
    trim(account_id) as account_id,
    try_cast(submitted_at as timestamp) as submitted_at,
    try_cast(closed_at as timestamp) as closed_at,
    try_cast(resolution_time_hours as decimal(18, 6)) as resolution_time_hours,
    priority,
    try_cast(first_response_time_minutes as decimal(18, 6)) as first_response_time_minutes,
    case when satisfaction_score between '1' and '5' then try_cast(satisfaction_score as int) end
        as satisfaction_score,
    try_cast(escalation_flag as boolean) as escalation_flag
from without_copies
where ticket_id is not null and account_id is not null
    and try_cast(submitted_at as timestamp) is not null;

create table collisions as
select
    'feature_usage' as table_name,
    count(*) as ids,
    sum(usage_rows) as id_rows
from usage_id_collisions
union all
select
    'support_tickets' as table_name,
    count(*) as ids,
    sum(id_rows) as id_rows
from (
    select count(*) as id_rows
    from support_tickets
    group by ticket_id
    having count(*) > 1
)
union all
select
    'churn_events' as table_name,
    count(*) as ids,
    sum(id_rows) as id_rows
from (
    select count(*) as id_rows
    from churn_events
    where churn_event_id is not null
    group by churn_event_id
    having count(*) > 1
);

set variable as_of = (select max(usage_date) from feature_usage semi join subscriptions using (subscription_id));

create table scores as
with usage_windows as (
    select
        subscription_id as customer_id,
        coalesce(sum(usage_count) filter (where usage_date >= getvariable('as_of') - 30), 0)
            as usage_30d,
        coalesce(sum(usage_count) filter (where usage_date < getvariable('as_of') - 30), 0)
            as usage_prev30d,
        coalesce(sum(error_count) filter (where usage_date >= getvariable('as_of') - 30), 0)
            as errors_30d
    from feature_usage
    where usage_date between getvariable('as_of') - 60 and getvariable('as_of')
    group by subscription_id
),

recent_tickets as (
    select
        account_id,
        ticket_id,
        submitted_at,
        escalation_flag,
        case
            when closed_at is null or closed_at < getvariable('as_of') + 1 then satisfaction_score
        end as satisfaction_score
    from support_tickets
    where
        submitted_at >= getvariable('as_of') - 30
        and submitted_at < getvariable('as_of') + 1
),

support as (
    select
        account_id,
        count(*) as tickets_30d,
        count(*) filter (where escalation_flag) as escalations_30d,
        arg_max(satisfaction_score, (submitted_at, ticket_id, -satisfaction_score))
            filter (where satisfaction_score is not null) as satisfaction_score
    from recent_tickets
    group by account_id
),

first_churns as (
    select
        account_id,
        min(churn_date) as churn_date
    from churn_events
    group by account_id
),

signals as (
    select
        subscriptions.subscription_id as customer_id,
        subscriptions.account_id,
        account_name,
        end_date is null or end_date > getvariable('as_of') as is_active,
        coalesce(first_churns.churn_date <= getvariable('as_of'), false) as churned,
        coalesce(usage_30d, 0) as usage_30d,
        coalesce(usage_prev30d, 0) as usage_prev30d,
        -- cut, not rounded: 0.6 is reached when it is
        case
            when usage_prev30d > 0 then trunc(
                cast(usage_prev30d - usage_30d as decimal(38, 12)) * 100 / usage_prev30d
            )
        end as usage_drop_percent,
        coalesce(errors_30d, 0) as errors_30d,
        coalesce(tickets_30d, 0) as tickets_30d,
        coalesce(escalations_30d, 0) as escalations_30d,
        satisfaction_score,
        subscriptions.downgrade_flag,
        subscriptions.is_trial
    from subscriptions
    inner join accounts on subscriptions.account_id = accounts.account_id
    left join usage_windows on subscriptions.subscription_id = usage_windows.customer_id
    left join support on subscriptions.account_id = support.account_id
    left join first_churns on subscriptions.account_id = first_churns.account_id
    where start_date <= getvariable('as_of')
),

points as (
    select
        *,
        case
            when usage_drop_percent >= 60 then 40
            when usage_drop_percent >= 40 then 28
            when usage_drop_percent >= 20 then 12
            else 0
        end as usage_drop_points,
        case when tickets_30d >= 6 then 18 when tickets_30d >= 3 then 10 else 0 end
            as support_load_points,
        case when errors_30d >= 10 then 15 when errors_30d >= 3 then 8 else 0 end
            as product_errors_points,
        case when satisfaction_score <= 2 then 12 when satisfaction_score = 3 then 6 else 0 end
            as satisfaction_points,
        case when escalations_30d >= 1 then 10 else 0 end as escalation_points,
        case when downgrade_flag then 12 else 0 end as downgrade_points,
        case when is_trial then 8 else 0 end as trial_points
    from signals
),

scored as (
    select
        *,
        least(
            usage_drop_points + support_load_points + product_errors_points + satisfaction_points
            + escalation_points + downgrade_points + trial_points,
            100
        ) as risk_score
    from points
)

select
    customer_id,
    account_id,
    account_name,
    is_active,
    churned,
    usage_30d,
    usage_prev30d,
    errors_30d,
    tickets_30d,
    escalations_30d,
    satisfaction_score,
    risk_score,
    case when risk_score >= 60 then 'High' when risk_score >= 30 then 'Medium' else 'Low' end
        as risk_level,
    nullif(array_to_string(list_filter([
        case
            when usage_drop_points > 0
                then 'Usage dropped ' || cast(usage_drop_percent as bigint) || '% (30d vs prior)'
        end,
        case
            when tickets_30d >= 6 then 'High support load (' || tickets_30d || ' tickets in 30d)'
            when tickets_30d >= 3 then 'Elevated support load (' || tickets_30d || ' tickets in 30d)'
        end,
        case
            when errors_30d >= 10 then 'High error volume (' || errors_30d || ' errors in 30d)'
            when errors_30d >= 3 then 'Some errors reported (' || errors_30d || ' errors in 30d)'
        end,
        case
            when satisfaction_points = 12 then 'Low satisfaction score (1–2/5)'
            when satisfaction_points = 6 then 'Medium satisfaction score (3/5)'
        end,
        case when escalation_points > 0 then 'Ticket escalation (higher risk)' end,
        case when downgrade_points > 0 then 'Recent downgrade (value risk)' end,
        case when trial_points > 0 then 'Trial customer (activation risk)' end
    ], lambda reason: reason is not null)[1:3], '; '), '') as top_reasons
from scored;
