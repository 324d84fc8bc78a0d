-- one row per table, column and kind of finding about whole rows
{%- set findings = [
    ('subscriptions', 'account_id', 'unknown_account', 'account_id', 'not has_account'),
    ('subscriptions', 'start_date', 'before_signup', 'subscription_id', 'start_date < signup_date'),
    ('subscriptions', 'start_date', 'after_as_of_date', 'subscription_id', 'start_date > as_of_date'),
    ('subscriptions', 'end_date', 'ends_before_start', 'subscription_id', 'end_date < start_date'),
    ('subscriptions', 'churn_flag', 'churn_flag_disagrees', 'subscription_id', 'churn_flag != has_ended'),
    ('accounts', 'churn_flag', 'churn_flag_disagrees', 'account_id', 'churn_flag != has_churn_event'),
    ('feature_usage', 'subscription_id', 'unknown_subscription', 'subscription_id', 'not has_subscription'),
    ('feature_usage', 'usage_date', 'before_start', 'subscription_id', 'usage_date < start_date'),
    ('feature_usage', 'usage_date', 'after_end', 'subscription_id', 'usage_date > end_date'),
    ('feature_usage', 'usage_date', 'before_signup', 'subscription_id', 'usage_date < signup_date'),
    ('feature_usage', 'usage_date', 'after_as_of_date', 'subscription_id', 'usage_date > as_of_date'),
    ('churn_events', 'account_id', 'unknown_account', 'account_id', 'not has_account'),
    ('churn_events', 'churn_date', 'before_signup', 'account_id', 'churn_date < signup_date'),
    ('churn_events', 'churn_date', 'after_as_of_date', 'account_id', 'churn_date > as_of_date'),
    ('support_tickets', 'account_id', 'unknown_account', 'account_id', 'not has_account'),
    ('support_tickets', 'submitted_at', 'before_signup', 'ticket_id', 'submitted_date < signup_date'),
    ('support_tickets', 'submitted_at', 'after_as_of_date', 'ticket_id', 'submitted_date > as_of_date'),
    ('support_tickets', 'closed_at', 'closed_before_submitted', 'ticket_id', 'closed_at < submitted_at'),
    ('account_keys', 'account_id', 'unknown_account', 'account_id', 'not has_account'),
    ('account_keys', 'key_value', 'ambiguous_key', 'key_value', 'accounts_of_key > 1'),
] %}
{%- set event_tables = saas_event_tables() %}
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

daily_usage as (

    select * from {{ ref('int_daily_usage') }}

),

subscription_usage as (

    select * from {{ ref('int_subscription_usage') }}

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

-- most subscriptions are only used between their start and end; every day is checked for the others
-- only
odd_subscriptions as (

    select
        subscription_usage.subscription_id,
        subscriptions.start_date,
        subscriptions.end_date,
        subscriptions.signup_date,
        subscriptions.subscription_id is not null as has_subscription,
        as_of_dates.as_of_date
    from subscription_usage
    cross join as_of_dates
    left join subscriptions
        on subscription_usage.subscription_id = subscriptions.subscription_id
    where
        subscriptions.subscription_id is null
        or subscription_usage.first_usage_date < subscriptions.start_date
        or subscription_usage.first_usage_date < subscriptions.signup_date
        or subscription_usage.last_usage_date > subscriptions.end_date
        or subscription_usage.last_usage_date > as_of_dates.as_of_date

),

feature_usage as (

    select
        odd_subscriptions.*,
        daily_usage.usage_date,
        daily_usage.usage_rows
    from odd_subscriptions
    inner join daily_usage on odd_subscriptions.subscription_id = daily_usage.subscription_id

),

churn_events as (

    select
        stg_churn_events.*,
        accounts.signup_date,
        accounts.account_id is not null as has_account,
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

{% for table_name, table in event_tables.items() -%}
colliding_{{ table_name }} as (

    select
        {{ table['event_id'] }},
        count(*) as rows_of_id
    from {{ ref('checked_saas__' ~ table_name) }}
    where row_fate = 'staged' and is_id_repeated
    group by {{ table['event_id'] }}
    having count(*) > 1

),

{% endfor -%}
row_issues as (

    {% for table_name in var('saas_tables') -%}
    {{ row_finding(
        table_name, none, 'exact_duplicate', row_ref(table_name),
        ref('checked_saas__' ~ table_name), "row_fate = 'duplicate'"
    ) | indent(4) }}

    union all

    {% endfor -%}
    {% for table_name, table in event_tables.items() -%}
    {{ row_finding(
        table_name, table['event_id'], 'id_collision', table['event_id'],
        'colliding_' ~ table_name, 'true', rows='sum(rows_of_id)'
    ) | indent(4) }}

    union all

    {% if table.get('late_rows_wait') -%}
    {{ row_finding(
        table_name, table['dated_by'], 'pending_late_row', row_ref(table_name),
        ref('checked_saas__' ~ table_name), "row_fate = 'pending'"
    ) | indent(4) }}

    union all

    {% endif -%}
    {% endfor -%}
    {% for table_name, column_name, issue, example, condition in findings -%}
    {{ row_finding(
        table_name, column_name, issue, example, table_name, condition,
        rows='sum(usage_rows)' if table_name == 'feature_usage' else 'count(*)'
    ) | indent(4) }}
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from row_issues
