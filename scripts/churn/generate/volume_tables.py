"""The source tables of a company of any size, as SQL over its events; all columns are text.

A hash of the row number decides which rows get a fault; each kind has a fixed share of the rows.
"""

from collections.abc import Sequence

from churn.generate.names import MANAGERS
from churn.generate.phrases import FEEDBACK
from churn.generate.population import (
    BILLING,
    BILLING_MONTHS,
    MEDIAN_SEATS,
    PLACES,
    PLANS,
    PRICE_PER_SEAT_USD,
    REFERRALS,
    TRIAL_DAYS,
)
from churn.generate.tables import FEATURES, PRIORITIES, PRIORITY_SHARES
from churn.warehouse.sql_text import literal

COUNTRIES = sorted({country.name for _, country, _ in PLACES})
INDUSTRIES = sorted({industry for locale, _, _ in PLACES for _, industry in locale.trades})
MANAGER_NAMES = [name for team in MANAGERS.values() for name in team]


def _list(values: Sequence[object]) -> str:
    """A SQL list literal."""
    texts = (literal(value) if isinstance(value, str) else str(value) for value in values)
    return f"[{', '.join(texts)}]"


def _one_of(values: Sequence[object], number: str, purpose: str) -> str:
    """SQL that picks one of the values with equal probability."""
    return (
        f"{_list(values)}"
        f"[1 + cast(floor(dice({number}, 0, '{purpose}') * {len(values)}) as integer)]"
    )


def _date(day: str) -> str:
    return f"cast(cast({{first_date}} + {day} as date) as varchar)"


def _fault(number: str, kinds: int) -> str:
    """SQL for the number (from 0) of a row's kind of fault; null for most rows."""
    return f"""
    case
        when dice({number}, 0, 'fault') < {kinds} * {{fault_share}}
            then cast(floor(dice({number}, 0, 'fault') / {{fault_share}}) as integer)
    end"""


_SEATS = f"{_list(MEDIAN_SEATS.astype(int).tolist())}[plan]"

_OWNED = f"""
select
    *,
    account + 1001 as account_number,
    1 + cast(dice(account, 0, 'plan') > 0.4 as integer)
    + cast(dice(account, 0, 'plan') > 0.81 as integer) as plan,
    1 + cast(floor(dice(number, 0, 'billing') * {len(BILLING)}) as integer) as billing,
    start_day > {{last_day}} - {TRIAL_DAYS} and dice(number, 0, 'trial') < 0.4 as is_trial,
    dice(number, 0, 'change') as change,
    end_day <= {{last_day}} as has_ended,
    decline_day <= {{last_day}} as has_declined
from subscriptions
"""

_ACCOUNTS = f"""
with owned as ({_OWNED}),

sizes as (
    select
        account,
        sum({_SEATS}) as seats,
        bool_and(is_trial) as is_trial,
        bool_or(has_ended) as has_ended
    from owned
    group by account
)

select
    'A' || account_number as account_id,
    'Company ' || account_number as account_name,
    {_one_of(INDUSTRIES, "account", "industry")} as industry,
    {_one_of(COUNTRIES, "account", "country")} as country,
    case
        when dice(account, 0, 'fault') < {{fault_share}} then 'unknown'
        else {_date("start_day")}
    end as signup_date,
    {_one_of(REFERRALS, "account", "referral")} as referral_source,
    {_list(PLANS)}[plan] as plan_tier,
    cast(sizes.seats as varchar) as seats,
    cast(sizes.is_trial as varchar) as is_trial,
    cast(sizes.has_ended as varchar) as churn_flag,
    case
        when dice(account, 0, 'managed') > 0.1 then {_one_of(MANAGER_NAMES, "account", "manager")}
    end as csm_name
from owned
inner join sizes using (account)
cross join range(1 + cast(dice(account, 0, 'copy') < {{fault_share}} as integer)) as copies
where ordinal = 1
order by number
"""

_SUBSCRIPTIONS = f"""
with owned as (
    select
        *,
        greatest(cast({_SEATS} * (0.5 + dice(number, 0, 'seats')) as integer), 2) as seats,
        {_list(BILLING_MONTHS.tolist())}[billing] as months,
        {_fault("number", 3)} as fault
    from ({_OWNED}) as owned
),

priced as (
    select
        *,
        case
            when is_trial then 0
            else seats * {_list(PRICE_PER_SEAT_USD.tolist())}[plan]
        end as mrr
    from owned
)

select
    'S' || account_number || '-' || ordinal as subscription_id,
    case when fault = 0 then 'A0999' else 'A' || account_number end as account_id,
    {_date("start_day")} as start_date,
    case
        when fault = 1 then 'open'
        when has_ended then {_date("end_day")}
    end as end_date,
    {_list(PLANS)}[plan] as plan_tier,
    cast(seats as varchar) as seats,
    cast(mrr as varchar) as mrr_amount,
    cast(12 * mrr as varchar) as arr_amount,
    case when fault = 2 then 'maybe' else cast(is_trial as varchar) end as is_trial,
    cast(change > 0.86 and not has_declined as varchar) as upgrade_flag,
    cast(change < 0.2 and has_declined as varchar) as downgrade_flag,
    cast(has_ended as varchar) as churn_flag,
    case when not is_trial then {_list(BILLING)}[billing] end as billing_frequency,
    cast(not is_trial and dice(number, 0, 'renewal') < 0.72 as varchar) as auto_renew_flag,
    case
        when not is_trial then cast(cast(
            {{first_date}} + start_day + to_months(cast(months * ceil(
                (least({{last_day}}, end_day) - start_day + 1) / (30.0 * months)
            ) as integer)) as date
        ) as varchar)
    end as renewal_date
from priced
cross join range(1 + cast(dice(number, 0, 'copy') < {{fault_share}} as integer)) as copies
order by number
"""

_FEATURE = (
    f"(1 + cast(floor(pow(dice(id_number, 0, 'feature'), 1.6) * {len(FEATURES)}) as integer))"
)

_FEATURE_USAGE = f"""
select
    'U' || (100001 + id_number) as usage_id,
    case fault
        when 5 then ' ' || subscription_id || ' '
        when 6 then 'S0999-1'
        when 7 then null
        else subscription_id
    end as subscription_id,
    case when fault = 0 then '2025-13-45' else {_date("day")} end as usage_date,
    {_list([name for name, _, _ in FEATURES])}[feature] as feature_name,
    case fault
        when 1 then 'n/a'
        when 2 then '-4'
        when 4 then usage_count || '.0'
        else cast(usage_count as varchar)
    end as usage_count,
    cast(cast(
        usage_count * {_list([seconds for _, seconds, _ in FEATURES])}[feature]
        * (0.6 + 0.8 * dice(id_number, 0, 'duration')) as integer
    ) as varchar) as usage_duration_secs,
    case when fault = 3 then '-1' else cast(error_count as varchar) end as error_count,
    {_list(["true" if beta else "false" for _, _, beta in FEATURES])}[feature] as is_beta_feature
from (
    select
        *,
        'S' || (account + 1001) || '-' || ordinal as subscription_id,
        {_FEATURE} as feature,
        {_fault("id_number", 8)} as fault
    from (
        select
            *,
            rowid - {{first_row}} - cast(is_copy or takes_id as integer) as id_number
        from usage
        where rowid >= {{first_row}}
    ) as numbered
) as described
"""

_CHURN_EVENTS = f"""
with ended as (
    select
        *,
        row_number() over (order by end_day, number) as place
    from subscriptions
    where end_day <= {{last_day}}
)

select
    'C' || (5000 + place) as churn_event_id,
    'A' || (account + 1001) as account_id,
    {_date("end_day")} as churn_date,
    {_one_of(list(FEEDBACK), "number", "reason")} as reason_code,
    case
        when dice(number, 0, 'refund') < {{fault_share}} then 'none'
        when dice(number, 0, 'refund') < 0.22
            then cast(cast(base_usage * 10 as decimal(12, 2)) as varchar)
        else '0.0'
    end as refund_amount_usd,
    cast(dice(number, 0, 'upgraded') < 0.1 as varchar) as preceding_upgrade_flag,
    cast(decline_day < end_day and dice(number, 0, 'change') < 0.2 as varchar)
        as preceding_downgrade_flag,
    cast(ordinal > 1 as varchar) as is_reactivation
from ended
cross join range(1 + cast(dice(number, 0, 'copy') < {{fault_share}} as integer)) as copies
order by place
"""

_PRIORITY = "case when declining then {} else {} end".format(
    *(
        "1 + "
        + " + ".join(
            f"cast(dice(number, 0, 'priority') > {share:.2f} as integer)"
            for share in shares.cumsum()[:-1]
        )
        for shares in (PRIORITY_SHARES[1], PRIORITY_SHARES[0])
    )
)

_SUPPORT_TICKETS = f"""
select
    'T' || (20001 + id_number) as ticket_id,
    case fault
        when 0 then 'A0999'
        when 1 then account_id || ' '
        else account_id
    end as account_id,
    case when fault = 2 then '' else cast(submitted as varchar) end as submitted_at,
    cast(closed as varchar) as closed_at,
    cast(round(datediff('second', submitted, closed) / 3600, 1) as varchar)
        as resolution_time_hours,
    {_list(PRIORITIES)}[{_PRIORITY}] as priority,
    cast(1 + cast(-ln(dice(number, 0, 'response')) * 150 as integer) as varchar)
        as first_response_time_minutes,
    case
        when fault = 3 then '9'
        when closed is not null and dice(number, 0, 'rated') < 0.62
            then cast(1 + cast(floor(
                5 * pow(dice(number, 0, 'rating'), case when declining then 1.8 else 0.35 end)
            ) as integer) as varchar)
    end as satisfaction_score,
    cast(dice(number, 0, 'escalated') < case when declining then 0.11 else 0.012 end as varchar)
        as escalation_flag
from (
    select
        *,
        'A' || (account + 1001) as account_id,
        {_fault("number", 4)} as fault
    from (
        select
            *,
            rowid - cast(is_copy or takes_id as integer) as id_number
        from tickets
    ) as numbered
) as described
"""

TABLES = {
    "accounts": _ACCOUNTS,
    "subscriptions": _SUBSCRIPTIONS,
    "feature_usage": _FEATURE_USAGE,
    "churn_events": _CHURN_EVENTS,
    "support_tickets": _SUPPORT_TICKETS,
}
