"""The scoring rules once more, in Python and exact fractions: what the SQL is compared with.

Written from the project's vocabulary, inputs and scoring rules as the design states them, never
from the macros or the configuration: the rule tables below are a second, independent copy.
"""

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any


# ------------------------------------------------------------------------------ what came in
# A required value that is null or unreadable is None here: the row is rejected.
@dataclass(frozen=True)
class Subscription:
    subscription_id: str | None
    account_id: str | None
    start_date: date | None
    end_date: date | None = None
    is_trial: bool | None = None
    downgrade_flag: bool | None = None
    arr_amount: Decimal | None = None
    mrr_amount: Decimal | None = None


@dataclass(frozen=True)
class Usage:
    subscription_id: str | None
    usage_date: date | None
    usage_count: int | None
    error_count: int | None = None
    usage_id: str | None = None
    # the file holds the very same row twice
    is_doubled: bool = False


@dataclass(frozen=True)
class Ticket:
    ticket_id: str | None
    account_id: str | None
    submitted_at: datetime | None
    closed_at: datetime | None = None
    satisfaction_score: int | None = None
    escalation_flag: bool | None = None
    resolution_time_hours: Decimal | None = None
    first_response_time_minutes: Decimal | None = None
    is_doubled: bool = False


@dataclass(frozen=True)
class ChurnEvent:
    account_id: str | None
    churn_date: date | None


@dataclass(frozen=True)
class Intent:
    customer_id: str
    intent_date: date


@dataclass(frozen=True)
class Facts:
    account_ids: list[str]
    subscriptions: list[Subscription]
    usage: list[Usage]
    tickets: list[Ticket]
    churn_events: list[ChurnEvent]
    intents: list[Intent]


# ------------------------------------------------------------------------------ the rules
@dataclass(frozen=True)
class Band:
    holds: Callable[[Any, Any], bool]
    limit: Fraction | int
    points: int
    reason: str
    group: str | None = None


@dataclass(frozen=True)
class Rule:
    rule_id: str
    signal: str
    # the most severe first
    bands: tuple[Band, ...]
    # +1: more is worse, -1: less is worse, 0: neither
    worse: int = 1


ge, le, eq = operator.ge, operator.le, operator.eq
DROPPED = "Usage dropped {percent}% (30d vs prior)"
INTENT = "Customer language suggests cancellation risk"

RULESETS = {
    "standard": (
        Rule(
            "usage_drop",
            "usage_drop_pct",
            (
                Band(ge, Fraction(60, 100), 40, DROPPED, "usage"),
                Band(ge, Fraction(40, 100), 28, DROPPED, "usage"),
                Band(ge, Fraction(20, 100), 12, DROPPED, "usage"),
            ),
        ),
        Rule(
            "support_load",
            "tickets_30d",
            (
                Band(ge, 6, 18, "High support load ({value} tickets in 30d)", "support"),
                Band(ge, 3, 10, "Elevated support load ({value} tickets in 30d)", "support"),
            ),
        ),
        Rule(
            "product_errors",
            "errors_30d",
            (
                Band(ge, 10, 15, "High error volume ({value} errors in 30d)"),
                Band(ge, 3, 8, "Some errors reported ({value} errors in 30d)"),
            ),
        ),
        Rule("churn_intent", "churn_intent_30d", (Band(ge, 1, 22, INTENT, "intent"),)),
        Rule(
            "satisfaction",
            "satisfaction_score",
            (
                Band(le, 2, 12, "Low satisfaction score (1–2/5)", "satisfaction"),
                Band(eq, 3, 6, "Medium satisfaction score (3/5)"),
            ),
            worse=-1,
        ),
        Rule(
            "escalation",
            "escalations_30d",
            (Band(ge, 1, 10, "Ticket escalation (higher risk)", "support"),),
        ),
        Rule(
            "downgrade",
            "downgrade_flag",
            (Band(eq, 1, 12, "Recent downgrade (value risk)", "value"),),
        ),
        Rule(
            "trial",
            "is_trial",
            (Band(eq, 1, 8, "Trial customer (activation risk)", "onboarding"),),
        ),
    ),
    "basic": (
        Rule(
            "usage_drop",
            "usage_drop_pct",
            (
                Band(ge, Fraction(40, 100), 35, DROPPED, "usage"),
                Band(ge, Fraction(20, 100), 18, DROPPED, "usage"),
            ),
        ),
        Rule(
            "support_load",
            "tickets_30d",
            (
                Band(ge, 5, 20, "High support load ({value} tickets in 30d)", "support"),
                Band(ge, 3, 12, "Elevated support load ({value} tickets in 30d)", "support"),
            ),
        ),
        Rule("churn_intent", "churn_intent_30d", (Band(ge, 1, 18, INTENT, "intent"),)),
        Rule(
            "new_customer",
            "tenure_days",
            (
                Band(
                    lambda tenure, limit: 0 <= tenure <= limit,
                    30,
                    8,
                    "New customer (onboarding risk)",
                    "onboarding",
                ),
            ),
            worse=0,
        ),
    ),
}

ACTIONS = {
    "usage": (
        "Schedule a check-in to reset goals",
        "Recommend 1–2 key features to activate this week",
    ),
    "support": (
        "Confirm resolution plan and close the loop",
        "Escalate repeat issues with a clear timeline",
    ),
    "intent": (
        "Offer a value review (ROI + quick wins)",
        "Create a 2-week success plan with milestones",
    ),
    "onboarding": (
        "Offer guided onboarding session",
        "Share onboarding checklist + milestones",
    ),
    "satisfaction": (
        "Follow up on dissatisfaction with a recovery plan",
        "Offer proactive support for the next 7 days",
    ),
    "value": (
        "Run a value-gap call to understand missing needs",
        "Offer training or enablement for key workflows",
    ),
    "none": ("Maintain regular touchpoints and monitor health signals",),
}

MIN_USAGE_ROWS = 5


# ------------------------------------------------------------------------------ what comes out
@dataclass
class Customer:
    customer_id: str
    account_id: str
    arr: Decimal | None
    is_trial: bool | None
    downgrade_flag: bool | None
    is_active: bool
    churned: bool
    tenure_days: int
    usage_30d: int
    usage_prev30d: int
    usage_drop_pct: Fraction | None
    usage_rows_60d: int
    errors_30d: int
    tickets_30d: int
    escalations_30d: int
    satisfaction_score: int | None
    avg_csat: Fraction | None
    avg_first_response_min: Fraction | None
    avg_resolution_hrs: Fraction | None
    churn_intent_30d: int
    signal_coverage: str
    usage_evidence: str | None = None
    risk_score: int = 0
    risk_level: str = "Low"
    top_reasons: str | None = None
    recommended_actions: str = ""


# rows by their key: (customer,), (customer, rule) or (account,)
Rows = dict[tuple[str, ...], dict[str, Any]]


def scores(facts: Facts, ruleset: str, as_of: date | None) -> dict[str, Rows]:
    """The rows that each mart must hold. Without `as_of` the data decides."""
    subscriptions = _staged_subscriptions(facts.subscriptions)
    usage = _staged_usage(facts.usage)
    if as_of is None:
        known = (row.usage_date for row in usage if row.subscription_id in subscriptions)
        as_of = max(day for day in known if day)

    customers, evaluations = [], {}
    for customer in _customers(facts, subscriptions, usage, as_of):
        evaluations.update(_evaluate(customer, RULESETS[ruleset]))
        customers.append(customer)
    at_risk, contacts = _at_risk(customers)
    return {
        "customer_risk": {(c.customer_id,): _published(asdict(c)) for c in customers},
        "risk_rule_evaluations": evaluations,
        "risk_rule_firings": {key: row for key, row in evaluations.items() if row["fired"]},
        "at_risk_customers": at_risk,
        "at_risk_accounts": _accounts(customers, contacts),
    }


def _staged_subscriptions(rows: Iterable[Subscription]) -> dict[str, Subscription]:
    """One row an id: of several, the one that started last."""
    staged: dict[str, Subscription] = {}
    for row in rows:
        if row.subscription_id is None or row.account_id is None or row.start_date is None:
            continue
        other = staged.get(row.subscription_id)
        if other is None or row.start_date > other.start_date:
            staged[row.subscription_id] = row
    return staged


def _staged_usage(rows: Iterable[Usage]) -> list[Usage]:
    """A row that stands twice counts once, unless it has no id."""
    staged = []
    for row in rows:
        if None not in (row.subscription_id, row.usage_date, row.usage_count):
            staged += [row] * (2 if row.is_doubled and row.usage_id is None else 1)
    return staged


def _customers(
    facts: Facts, subscriptions: dict[str, Subscription], usage: list[Usage], as_of: date
) -> Iterable[Customer]:
    usage_of, tickets_of = defaultdict(list), defaultdict(list)
    for row in usage:
        usage_of[row.subscription_id].append(row)
    for ticket in facts.tickets:
        if ticket.ticket_id and ticket.submitted_at and _current(ticket.submitted_at.date(), as_of):
            tickets_of[ticket.account_id].append(ticket)
    churned = {e.account_id for e in facts.churn_events if e.churn_date and e.churn_date <= as_of}

    for subscription in subscriptions.values():
        if subscription.account_id in facts.account_ids and subscription.start_date <= as_of:
            tickets = tickets_of[subscription.account_id]
            rows = usage_of[subscription.subscription_id]
            intents = [i for i in facts.intents if i.customer_id == subscription.subscription_id]
            yield _customer(
                subscription, rows, tickets, intents, subscription.account_id in churned, as_of
            )


def _customer(
    subscription: Subscription,
    usage: list[Usage],
    tickets: list[Ticket],
    intents: list[Intent],
    churned: bool,
    as_of: date,
) -> Customer:
    current = [row for row in usage if _current(row.usage_date, as_of)]
    prior = [row for row in usage if _prior(row.usage_date, as_of)]
    usage_30d = sum(row.usage_count for row in current)
    usage_prev30d = sum(row.usage_count for row in prior)
    # satisfaction and resolution are known once the ticket is closed
    known = [t for t in tickets if t.closed_at is None or t.closed_at.date() <= as_of]
    scored = sorted(
        (t.submitted_at, t.ticket_id, t.satisfaction_score) for t in known if t.satisfaction_score
    )
    arr = subscription.arr_amount
    if arr is None and subscription.mrr_amount is not None:
        arr = 12 * subscription.mrr_amount
    coverage = {
        (True, True): "usage and support",
        (True, False): "usage only",
        (False, True): "support only",
        (False, False): "none",
    }
    return Customer(
        customer_id=subscription.subscription_id,
        account_id=subscription.account_id,
        arr=arr,
        is_trial=subscription.is_trial,
        downgrade_flag=subscription.downgrade_flag,
        is_active=subscription.end_date is None or subscription.end_date > as_of,
        churned=churned,
        tenure_days=(as_of - subscription.start_date).days,
        usage_30d=usage_30d,
        usage_prev30d=usage_prev30d,
        usage_drop_pct=(
            Fraction(usage_prev30d - usage_30d, usage_prev30d) if usage_prev30d > 0 else None
        ),
        usage_rows_60d=len(current) + len(prior),
        errors_30d=sum(row.error_count or 0 for row in current),
        tickets_30d=len(tickets),
        escalations_30d=sum(ticket.escalation_flag is True for ticket in tickets),
        satisfaction_score=scored[-1][2] if scored else None,
        avg_csat=_mean(t.satisfaction_score for t in known),
        avg_first_response_min=_mean(t.first_response_time_minutes for t in tickets),
        avg_resolution_hrs=_mean(t.resolution_time_hours for t in known),
        churn_intent_30d=sum(_current(intent.intent_date, as_of) for intent in intents),
        signal_coverage=coverage[bool(current or prior), bool(tickets)],
    )


def _mean(values: Iterable[int | Decimal | None]) -> Fraction | None:
    fractions = [Fraction(value) for value in values if value is not None]
    return sum(fractions) / len(fractions) if fractions else None


def _current(day: date, as_of: date) -> bool:
    return as_of - timedelta(days=30) <= day <= as_of


def _prior(day: date, as_of: date) -> bool:
    return as_of - timedelta(days=60) <= day < as_of - timedelta(days=30)


def _evaluate(customer: Customer, rules: tuple[Rule, ...]) -> Rows:
    """Score the customer; one row a rule."""
    rows, fired = {}, []
    for rule in rules:
        value = getattr(customer, rule.signal)
        bands = [b for b in rule.bands if value is not None and b.holds(value, b.limit)]
        band = bands[0] if bands else None
        reason = None
        if band:
            percent = int(value * 100) if rule.rule_id == "usage_drop" else None
            reason = band.reason.format(value=value, percent=percent)
            fired.append((rule, band, reason))
        distances = [] if value is None else [rule.worse * (b.limit - value) for b in rule.bands]
        rows[customer.customer_id, rule.rule_id] = _published(
            {
                "fired": band is not None,
                "points": band.points if band else 0,
                "reason": reason,
                "threshold": Fraction(band.limit) if band else None,
                "gap_to_next_band": min((Fraction(d) for d in distances if d > 0), default=None),
            }
        )

    customer.risk_score = min(sum(band.points for _, band, _ in fired), 100)
    if customer.risk_score >= 60:
        customer.risk_level = "High"
    elif customer.risk_score >= 30:
        customer.risk_level = "Medium"
    customer.top_reasons = "; ".join([reason for _, _, reason in fired][:3]) or None
    groups = {band.group for _, band, _ in fired} - {None} or {"none"}
    actions = [action for group in ACTIONS if group in groups for action in ACTIONS[group]]
    customer.recommended_actions = "; ".join(actions[:3])
    if any(rule.rule_id == "usage_drop" for rule, _, _ in fired):
        if customer.tenure_days < 60:
            customer.usage_evidence = "incomplete window"
        else:
            thin = customer.usage_rows_60d < MIN_USAGE_ROWS
            customer.usage_evidence = "thin" if thin else "strong"
    return rows


def _at_risk(customers: list[Customer]) -> tuple[Rows, list[Customer]]:
    """The rows of the at-risk list, and its active customers in the order of contact."""

    def arr_falling(customer: Customer) -> Decimal:
        return -customer.arr if customer.arr is not None else Decimal("Infinity")

    def contact_order(customer: Customer) -> tuple[Any, ...]:
        return (
            not (customer.arr and customer.arr > 0),
            ("High", "Medium").index(customer.risk_level),
            # nothing that is in doubt stands before what may be
            ("strong", "thin", "incomplete window").index(customer.usage_evidence or "strong"),
            -customer.risk_score,
            arr_falling(customer),
            customer.customer_id,
        )

    listed = [c for c in customers if c.risk_level != "Low"]
    listed.sort(key=lambda c: (-c.risk_score, arr_falling(c), c.customer_id))
    contacts = sorted((c for c in listed if c.is_active), key=contact_order)
    priority = {c.customer_id: place for place, c in enumerate(contacts, 1)}
    rows = {
        (c.customer_id,): {
            "risk_rank": place,
            "contact_priority": priority.get(c.customer_id),
        }
        for place, c in enumerate(listed, 1)
    }
    return rows, contacts


def _accounts(customers: list[Customer], contacts: list[Customer]) -> Rows:
    worst: dict[str, Customer] = {}
    for customer in contacts:
        worst.setdefault(customer.account_id, customer)
    rows: Rows = {}
    for place, (account_id, customer) in enumerate(worst.items(), 1):
        active = [c for c in customers if c.account_id == account_id and c.is_active]
        at_risk = [c for c in active if c.risk_level != "Low"]
        rows[(account_id,)] = {
            "active_customers": len(active),
            "customers_at_risk": len(at_risk),
            "arr": sum((c.arr or Decimal(0) for c in active), Decimal(0)),
            "arr_at_risk": sum((c.arr or Decimal(0) for c in at_risk), Decimal(0)),
            "worst_customer_id": customer.customer_id,
            "risk_score": customer.risk_score,
            "risk_level": customer.risk_level,
            "top_reasons": customer.top_reasons,
            "recommended_actions": customer.recommended_actions,
            "contact_priority": place,
        }
    return rows


def _published(row: dict[str, Any]) -> dict[str, Any]:
    """Fractions as the marts show them: six digits, halves away from zero."""

    def rounded(value: Fraction) -> Decimal:
        digits = int(abs(value) * 10**6 + Fraction(1, 2))
        return Decimal(digits if value > 0 else -digits).scaleb(-6)

    return {k: rounded(v) if isinstance(v, Fraction) else v for k, v in row.items()}
