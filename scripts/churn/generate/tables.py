"""Turns one block of history into Arrow tables with the columns of `vars: saas_tables`."""

import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from churn.generate.history import NEVER, History
from churn.generate.messages import KINDS, Messages
from churn.generate.phrases import FEEDBACK, TOPICS
from churn.generate.population import (
    BILLING,
    BILLING_MONTHS,
    FEWEST_SEATS,
    MANAGER_NAMES,
    PLACES,
    PLANS,
    PRICE_PER_SEAT_USD,
    REFERRALS,
    Flags,
    Ints,
    account_names,
)
from churn.generate.settings import HISTORY_DAYS, PERIOD_DAYS, Request

# Feature, seconds of use per count, whether it is in beta.
FEATURES = (
    ("dashboards", 35, False),
    ("reports", 60, False),
    ("workflows", 45, False),
    ("integrations", 20, False),
    ("exports", 15, False),
    ("alerts", 10, False),
    ("api", 2, False),
    ("mobile_app", 25, False),
    ("audit_log", 20, False),
    ("forecasting", 50, True),
    ("ai_summary", 18, True),
)
FEATURE_SHARES = (0.20, 0.17, 0.14, 0.10, 0.09, 0.08, 0.06, 0.06, 0.03, 0.04, 0.03)
FAVOURITES = 4

PRIORITIES = ("low", "medium", "high", "urgent")
# Priority shares of healthy and declining accounts.
PRIORITY_SHARES = np.array([[0.35, 0.42, 0.18, 0.05], [0.15, 0.38, 0.32, 0.15]])
FIRST_RESPONSE_MINUTES = np.array([210.0, 120.0, 50.0, 22.0])  # median by priority
RESOLUTION_HOURS = np.array([9.0, 22.0])  # median: healthy, declining
ESCALATION_CHANCE = np.array([0.012, 0.11])
LEFT_OPEN_SHARE = 0.015

DAY_SECONDS = 86_400


@dataclass
class FirstIds:
    """The first serial numbers of the next block's rows."""

    usage: int = 100_001
    ticket: int = 20_001
    churn_event: int = 5_001


@dataclass(frozen=True)
class TicketTimes:
    """One entry per ticket: seconds since 1970, hours and minutes. Open if `closed` is False."""

    submitted: Ints
    closed_at: Ints
    closed: Flags
    first_response_minutes: Ints
    answered: Flags


def make_tables(
    random: np.random.Generator,
    request: Request,
    history: History,
    messages: Messages,
    first_ids: FirstIds,
) -> dict[str, pa.Table]:
    """Return the six typed source tables of one block; advances `first_ids` to the next block."""
    subscriptions = _subscription_table(random, request, history)
    tickets, ticket_messages = _ticket_tables(random, request, history, messages, first_ids)
    events = _churn_event_table(random, request, history, subscriptions, first_ids)
    return {
        "accounts": _account_table(request, history, subscriptions),
        "subscriptions": subscriptions,
        "feature_usage": _usage_table(random, request, history, first_ids),
        "churn_events": events,
        "support_tickets": tickets,
        "ticket_messages": ticket_messages,
    }


def account_ids(history: History) -> pa.Array:
    """Return one id per account, such as A1001."""
    return _running_ids("A", history.population.accounts.number)


def subscription_ids(history: History) -> pa.Array:
    """Return one id per subscription: S1001-2 is the second subscription of account A1001."""
    population = history.population
    number = pa.array(population.accounts.number[population.subscriptions.account])
    ordinal = pa.array(population.subscriptions.ordinal)
    return pc.binary_join_element_wise("S", _text(number), "-", _text(ordinal), "")


def _running_ids(letter: str, numbers: Ints) -> pa.Array:
    return pc.binary_join_element_wise(letter, _text(pa.array(numbers)), "")


def _text(values: pa.Array) -> pa.Array:
    return pc.cast(values, pa.string())


def _chosen(options: tuple[str, ...], index: Ints) -> pa.Array:
    """The options at `index`; null if it is negative."""
    return pa.array(options).take(pa.array(index, mask=index < 0))


def days(request: Request, day: Ints, missing: Flags | None = None) -> pa.Array:
    """Convert day numbers to calendar dates."""
    start = np.datetime64(request.first_day, "D").astype(np.int64)
    return pa.array((start + day).astype(np.int32), mask=missing).cast(pa.date32())


def _account_table(request: Request, history: History, subscriptions: pa.Table) -> pa.Table:
    population = history.population
    accounts = population.accounts
    count = len(accounts.number)
    of_account = population.subscriptions.account
    alive = history.end_day == NEVER
    trial = population.subscriptions.is_trial

    def per_account(condition: Flags, weights: Any = None) -> Any:
        chosen_weights = None if weights is None else weights[condition]
        return np.bincount(of_account[condition], chosen_weights, minlength=count)

    seats = subscriptions["seats"].to_numpy()
    has_live = per_account(alive) > 0
    names, industries = account_names(accounts, request.seed)
    countries = tuple(country.name for _, country, _ in PLACES)
    emails = tuple(_email_address(name) for name in MANAGER_NAMES)
    return pa.table(
        {
            "account_id": account_ids(history),
            "account_name": pa.array(names, pa.string()),
            "industry": pa.array(industries, pa.string()),
            "country": _chosen(countries, accounts.place),
            "signup_date": days(request, accounts.signup_day),
            "referral_source": _chosen(REFERRALS, accounts.referral),
            "plan_tier": _chosen(PLANS, accounts.plan),
            "seats": pa.array(
                np.where(has_live, per_account(alive, seats), per_account(~alive, seats)),
                pa.int64(),
            ),
            "is_trial": pa.array(has_live & (per_account(alive & ~trial) == 0)),
            "churn_flag": pa.array(per_account(~alive) > 0),
            "csm_name": _chosen(MANAGER_NAMES, accounts.manager),
            "csm_email": _chosen(emails, accounts.manager),
        }
    )


def _email_address(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return plain.lower().replace(" ", ".") + "@example.com"


def _subscription_table(
    random: np.random.Generator, request: Request, history: History
) -> pa.Table:
    subscriptions = history.population.subscriptions
    size = len(subscriptions.account)
    ended = history.end_day < NEVER
    last_period = np.minimum(history.end_day, HISTORY_DAYS - 1) // PERIOD_DAYS
    downgraded = history.truth.downgraded[np.arange(size), last_period - ended]
    long_term = np.minimum(history.end_day, HISTORY_DAYS) - subscriptions.start_day > 150
    upgraded = (random.random(size) < 0.14) & long_term & ~downgraded & ~subscriptions.is_trial
    change = np.where(downgraded, 0.6, np.where(upgraded, 1.3, 1.0))
    seats = np.maximum(
        np.rint(subscriptions.seats * change), FEWEST_SEATS[subscriptions.plan]
    ).astype(np.int64)
    price = PRICE_PER_SEAT_USD[subscriptions.plan] * (1 - subscriptions.discount)
    mrr = np.where(subscriptions.is_trial, 0, np.rint(seats * price)).astype(np.int64)
    return pa.table(
        {
            "subscription_id": subscription_ids(history),
            "account_id": account_ids(history).take(pa.array(subscriptions.account)),
            "start_date": days(request, subscriptions.start_day),
            "end_date": days(request, history.end_day, ~ended),
            "plan_tier": _chosen(PLANS, subscriptions.plan),
            "seats": pa.array(seats),
            "mrr_amount": pa.array(mrr),
            "arr_amount": pa.array(12 * mrr),
            "is_trial": pa.array(subscriptions.is_trial),
            "upgrade_flag": pa.array(upgraded),
            "downgrade_flag": pa.array(downgraded),
            "churn_flag": pa.array(ended),
            "billing_frequency": _chosen(
                BILLING, np.where(subscriptions.is_trial, -1, subscriptions.billing)
            ),
            "auto_renew_flag": pa.array(subscriptions.auto_renew & ~subscriptions.is_trial),
            "renewal_date": _renewal_dates(request, history),
        }
    )


def _renewal_dates(request: Request, history: History) -> pa.Array:
    """The first renewal after the history's last day, or after the end; null for trials."""
    subscriptions = history.population.subscriptions
    origin = np.datetime64(request.first_day, "D")
    start = origin + subscriptions.start_day
    end = origin + np.minimum(history.end_day, HISTORY_DAYS - 1)
    start_month, end_month = start.astype("M8[M]"), end.astype("M8[M]")
    day = np.minimum((start - start_month).astype(np.int64), 27)
    every = BILLING_MONTHS[subscriptions.billing]
    terms = np.maximum((end_month - start_month).astype(np.int64) // every, 1)

    def renewal(number: Ints) -> Any:
        return (start_month + number * every).astype("M8[D]") + day

    first = np.where(renewal(terms) > end, renewal(terms), renewal(terms + 1))
    return pa.array(first.astype(np.int64).astype(np.int32), mask=subscriptions.is_trial).cast(
        pa.date32()
    )


def _usage_table(
    random: np.random.Generator, request: Request, history: History, first_ids: FirstIds
) -> pa.Table:
    usage = history.usage
    size = len(usage.day)
    subscriptions = len(history.end_day)
    favourites = random.choice(
        len(FEATURES), (subscriptions, FAVOURITES), p=np.array(FEATURE_SHARES)
    )
    feature = favourites[usage.subscription, random.integers(0, FAVOURITES, size)]
    seconds = np.array([seconds for _, seconds, _ in FEATURES])[feature]
    duration = usage.count * seconds * (0.6 + 0.8 * random.random(size))
    numbers = np.arange(first_ids.usage, first_ids.usage + size)
    first_ids.usage += size
    return pa.table(
        {
            "usage_id": _running_ids("U", numbers),
            "subscription_id": subscription_ids(history).take(pa.array(usage.subscription)),
            "usage_date": days(request, usage.day),
            "feature_name": _chosen(tuple(name for name, _, _ in FEATURES), feature),
            "usage_count": pa.array(usage.count),
            "usage_duration_secs": pa.array(np.rint(duration).astype(np.int64)),
            "error_count": pa.array(usage.errors),
            "is_beta_feature": pa.array(np.array([beta for _, _, beta in FEATURES])[feature]),
        }
    )


def _churn_event_table(
    random: np.random.Generator,
    request: Request,
    history: History,
    subscriptions: pa.Table,
    first_ids: FirstIds,
) -> pa.Table:
    """One event for each ended subscription, in the order of days."""
    population = history.population
    ended = np.nonzero(history.end_day < NEVER)[0]
    ended = ended[np.argsort(history.end_day[ended], kind="stable")]
    account = population.subscriptions.account[ended]
    size = len(ended)
    codes = tuple(FEEDBACK)
    reason = _churn_reasons(random, history, ended)
    has_text = random.random(size) < 0.6
    which = random.integers(0, 1000, size)
    feedback = [
        FEEDBACK[codes[code]][number % len(FEEDBACK[codes[code]])] if given else None
        for code, number, given in zip(
            reason.tolist(), which.tolist(), has_text.tolist(), strict=True
        )
    ]
    mrr = subscriptions["mrr_amount"].to_numpy()[ended]
    refunded = (random.random(size) < 0.22) & (mrr > 0)
    refund = np.where(refunded, np.round(mrr * random.uniform(0.2, 2.5, size), 2), 0.0)
    left_before = np.full(len(population.first_start), NEVER, dtype=np.int64)
    np.minimum.at(left_before, account, history.end_day[ended])
    numbers = np.arange(first_ids.churn_event, first_ids.churn_event + size)
    first_ids.churn_event += size
    positions = pa.array(ended)
    return pa.table(
        {
            "churn_event_id": _running_ids("C", numbers),
            "account_id": account_ids(history).take(pa.array(account)),
            "churn_date": days(request, history.end_day[ended]),
            "reason_code": _chosen(codes, reason),
            "refund_amount_usd": pa.array(refund),
            "preceding_upgrade_flag": subscriptions["upgrade_flag"].take(positions),
            "preceding_downgrade_flag": subscriptions["downgrade_flag"].take(positions),
            "is_reactivation": pa.array(
                population.subscriptions.start_day[ended] > left_before[account]
            ),
            "feedback_text": pa.array(feedback, pa.string()),
        }
    )


def _churn_reasons(random: np.random.Generator, history: History, ended: Ints) -> Ints:
    """The stated reasons (index into FEEDBACK), which are often, but not always, the real ones."""
    before = np.maximum(history.end_day[ended] // PERIOD_DAYS - 1, 0)
    truth = history.truth
    codes = list(FEEDBACK)
    likely = np.select(
        [
            truth.downgraded[ended, before],
            (truth.dissatisfaction[ended, before] > 0) | (truth.tickets[ended, before] >= 3),
            truth.drop[ended, before] > 0.5,
        ],
        [codes.index("pricing"), codes.index("support"), codes.index("competitor")],
        codes.index("features"),
    )
    other = random.integers(0, len(codes), len(ended))
    return np.where(random.random(len(ended)) < 0.6, likely, other)


def _ticket_tables(
    random: np.random.Generator,
    request: Request,
    history: History,
    messages: Messages,
    first_ids: FirstIds,
) -> tuple[pa.Table, pa.Table]:
    """The tickets and their messages, both in the order of submission."""
    tickets = history.tickets
    size = len(tickets.day)
    declining = tickets.declining.astype(np.int64)
    steps = np.cumsum(PRIORITY_SHARES, axis=1)[declining][:, :-1]
    priority = (random.random(size)[:, None] >= steps).sum(axis=1)
    times = _ticket_times(random, request, history, priority, declining)
    escalated = random.random(size) < ESCALATION_CHANCE[declining]
    ids = _running_ids("T", np.arange(first_ids.ticket, first_ids.ticket + size))
    first_ids.ticket += size
    account = account_ids(history).take(pa.array(tickets.account))
    submitted = pa.array(times.submitted, pa.timestamp("s"))
    unrated = ~times.closed | (tickets.rating == 0)
    hours = np.round((times.closed_at - times.submitted) / 3600, 1)
    ticket_table = pa.table(
        {
            "ticket_id": ids,
            "account_id": account,
            "submitted_at": submitted,
            "closed_at": pa.array(times.closed_at, pa.timestamp("s"), mask=~times.closed),
            "resolution_time_hours": pa.array(hours, mask=~times.closed),
            "priority": _chosen(PRIORITIES, priority),
            "first_response_time_minutes": pa.array(
                times.first_response_minutes, mask=~times.answered
            ),
            "satisfaction_score": pa.array(tickets.rating, mask=unrated),
            "escalation_flag": pa.array(escalated),
        }
    )
    kinds = [KINDS[TOPICS[topic]] for topic in messages.topic.tolist()]
    message_table = pa.table(
        {
            "ticket_id": ids,
            "account_id": account,
            "submitted_at": submitted,
            "subject": pa.array(messages.subject, pa.string()),
            "body": pa.array(messages.body, pa.string()),
            "language": pa.array(messages.language, pa.string()),
            "queue": pa.array([queue for queue, _, _ in kinds], pa.string()),
            "priority": _chosen(PRIORITIES, priority),
            "type": pa.array([kind for _, kind, _ in kinds], pa.string()),
            "tags": pa.array([tags for _, _, tags in kinds], pa.string()),
        }
    )
    return ticket_table, message_table.filter(pa.array(messages.present))


def _ticket_times(
    random: np.random.Generator,
    request: Request,
    history: History,
    priority: Ints,
    declining: Ints,
) -> TicketTimes:
    """Draw times; a ticket stays open if it would be closed after the last day."""
    size = len(priority)
    start = np.datetime64(request.first_day, "s").astype(np.int64)
    submitted = start + history.tickets.day * DAY_SECONDS + history.tickets.second
    minutes = np.ceil(FIRST_RESPONSE_MINUTES[priority] * random.lognormal(0, 0.8, size))
    hours = RESOLUTION_HOURS[declining] * random.lognormal(0, 0.9, size) + minutes / 60
    closed_at = submitted + (np.minimum(hours, 1500) * 3600).astype(np.int64)
    now = np.datetime64(request.until, "s").astype(np.int64) + DAY_SECONDS - 1
    return TicketTimes(
        submitted=submitted,
        closed_at=closed_at,
        closed=(closed_at <= now) & (random.random(size) >= LEFT_OPEN_SHARE),
        first_response_minutes=minutes.astype(np.int64),
        answered=submitted + minutes * 60 <= now,
    )
