-- one row per table, column and kind of finding about whole rows
{%- set findings = [
    ('subscriptions', 'account_id', 'unknown_account', 'account_id', 'not has_account'),
    ('subscriptions', 'start_date', 'before_signup', 'subscription_id', 'start_date < signup_date'),
    ('subscriptions', 'start_date', 'after_as_of_date', 'subscription_id', 'start_date > as_of_date'),
    ('subscriptions', 'end_date', 'ends_before_start', 'subscription_id', 'end_date < start_date'),
    ('subscriptions', 'churn_flag', 'churn_flag_disagrees', 'subscription_id', 'churn_flag != has_ended'),
    ('accounts', 'churn_flag', 'churn_flag_disagrees', 'account_id', 'churn_flag != has_churn_event'),
    ('feature_usage', 'usage_id', 'id_collision', 'usage_id', 'rows_of_id > 1'),
    ('feature_usage', 'subscription_id', 'unknown_subscription', 'subscription_id', 'not has_subscription'),
    ('feature_usage', 'usage_date', 'before_start', 'subscription_id', 'usage_date < start_date'),
    ('feature_usage', 'usage_date', 'after_end', 'subscription_id', 'usage_date > end_date'),
    ('feature_usage', 'usage_date', 'before_signup', 'subscription_id', 'usage_date < signup_date'),
    ('feature_usage', 'usage_date', 'after_as_of_date', 'subscription_id', 'usage_date > as_of_date'),
    ('churn_events', 'churn_event_id', 'id_collision', 'churn_event_id', 'rows_of_id > 1'),
    ('churn_events', 'account_id', 'unknown_account', 'account_id', 'not has_account'),
    ('churn_events', 'churn_date', 'before_signup', 'account_id', 'churn_date < signup_date'),
    ('churn_events', 'churn_date', 'after_as_of_date', 'account_id', 'churn_date > as_of_date'),
    ('support_tickets', 'ticket_id', 'id_collision', 'ticket_id', 'rows_of_id > 1'),
    ('support_tickets', 'account_id', 'unknown_account', 'account_id', 'not has_account'),
    ('support_tickets', 'submitted_at', 'before_signup', 'ticket_id', 'submitted_date < signup_date'),
    ('support_tickets', 'submitted_at', 'after_as_of_date', 'ticket_id', 'submitted_date > as_of_date'),
    ('support_tickets', 'closed_at', 'closed_before_submitted', 'ticket_id', 'closed_at < submitted_at'),
    ('account_keys', 'account_id', 'unknown_account', 'account_id', 'not has_account'),
    ('account_keys', 'key_value', 'ambiguous_key', 'key_value', 'accounts_of_key > 1'),
] %}
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

stg_accounts as (

    select * from {{ ref('stg_saas__accounts') }}

),

stg_subscriptions as (

    select * from {{ ref('stg_saas__subscriptions') }}

),

stg_feature_usage as (

    select * from {{ ref('stg_saas__feature_usage') }}

),

stg_churn_events as (

    select * from {{ ref('stg_saas__churn_events') }}

),

stg_support_tickets as (

    select * from {{ ref('stg_saas__support_tickets') }}

),

stg_account_keys as (

    select * from {{ ref('stg_saas__account_keys') }}

),

churned_accounts as (

    select stg_churn_events.account_id
    from stg_churn_events
    inner join as_of_dates on stg_churn_events.churn_date <= as_of_dates.as_of_date
    group by stg_churn_events.account_id

),

accounts as (

    select
        stg_accounts.*,
        churned_accounts.account_id is not null as has_churn_event
    from stg_accounts
    left join churned_accounts on stg_accounts.account_id = churned_accounts.account_id

),

subscriptions as (

    select
        stg_subscriptions.*,
        accounts.signup_date,
        accounts.account_id is not null as has_account,
        coalesce(stg_subscriptions.end_date <= as_of_dates.as_of_date, false) as has_ended,
        as_of_dates.as_of_date
    from stg_subscriptions
    left join accounts on stg_subscriptions.account_id = accounts.account_id
    cross join as_of_dates

),

colliding_usage_ids as (

    select
        usage_id,
        count(*) as rows_of_id
    from stg_feature_usage
    where usage_id is not null
    group by usage_id
    having count(*) > 1

),

feature_usage as (

    select
        stg_feature_usage.subscription_id,
        stg_feature_usage.usage_id,
        stg_feature_usage.usage_date,
        subscriptions.start_date,
        subscriptions.end_date,
        subscriptions.signup_date,
        subscriptions.subscription_id is not null as has_subscription,
        colliding_usage_ids.rows_of_id,
        as_of_dates.as_of_date
    from stg_feature_usage
    left join subscriptions on stg_feature_usage.subscription_id = subscriptions.subscription_id
    left join colliding_usage_ids on stg_feature_usage.usage_id = colliding_usage_ids.usage_id
    cross join as_of_dates

),

churn_events as (

    select
        stg_churn_events.*,
        accounts.signup_date,
        accounts.account_id is not null as has_account,
        case
            when stg_churn_events.churn_event_id is not null
                then count(*) over (partition by stg_churn_events.churn_event_id)
        end as rows_of_id,
        as_of_dates.as_of_date
    from stg_churn_events
    left join accounts on stg_churn_events.account_id = accounts.account_id
    cross join as_of_dates

),

support_tickets as (

    select
        stg_support_tickets.*,
        cast(stg_support_tickets.submitted_at as date) as submitted_date,
        accounts.signup_date,
        accounts.account_id is not null as has_account,
        count(*) over (partition by stg_support_tickets.ticket_id) as rows_of_id,
        as_of_dates.as_of_date
    from stg_support_tickets
    left join accounts on stg_support_tickets.account_id = accounts.account_id
    cross join as_of_dates

),

ambiguous_keys as (

    select
        key_type,
        key_value,
        count(distinct account_id) as accounts_of_key
    from stg_account_keys
    group by key_type, key_value
    having count(distinct account_id) > 1

),

account_keys as (

    select
        stg_account_keys.account_id,
        stg_account_keys.key_value,
        accounts.account_id is not null as has_account,
        ambiguous_keys.accounts_of_key
    from stg_account_keys
    left join accounts on stg_account_keys.account_id = accounts.account_id
    left join ambiguous_keys
        on stg_account_keys.key_type = ambiguous_keys.key_type
        and stg_account_keys.key_value = ambiguous_keys.key_value

),

row_issues as (

    {% for table_name in var('saas_tables') -%}
    {{ row_finding(
        table_name, none, 'exact_duplicate', 'row_ref',
        ref('checked_saas__' ~ table_name), "row_fate = 'duplicate'"
    ) | indent(4) }}

    union all

    {% endfor -%}
    {% for table_name, column_name, issue, example, condition in findings -%}
    {{ row_finding(table_name, column_name, issue, example, table_name, condition) | indent(4) }}
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from row_issues
