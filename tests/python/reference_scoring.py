"""An independent reading of the scoring rules in Python, as a reference for the SQL.

It computes with exact fractions. It follows the design's vocabulary, inputs and scoring rules,
never the macros or the configuration: the rule tables below are a second copy.
"""

import operator
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any


# ------------------------------------------------------------------------------ input facts
# None stands for a required value that is null or unreadable: the row is rejected.
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
    billing_frequency: str | None = None
    auto_renew_flag: bool | None = None


@dataclass(frozen=True)
class Usage:
    subscription_id: str | None
    usage_date: date | None
    usage_count: int | None
    error_count: int | None = None
    usage_id: str | None = None
    # the file contains the same row twice
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
    # an intent from the account as a whole counts only for active customers
    is_account_level: bool = False


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
    label: str
    signal: str
    # the most severe band first
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
            "Usage drop",
            "usage_drop_pct",
            (
                Band(ge, Fraction(60, 100), 40, DROPPED, "usage"),
                Band(ge, Fraction(40, 100), 28, DROPPED, "usage"),
                Band(ge, Fraction(20, 100), 12, DROPPED, "usage"),
            ),
        ),
        Rule(
            "support_load",
            "Support load",
            "tickets_30d",
            (
                Band(ge, 6, 18, "High support load ({value} tickets in 30d)", "support"),
                Band(ge, 3, 10, "Elevated support load ({value} tickets in 30d)", "support"),
            ),
        ),
        Rule(
            "product_errors",
            "Product errors",
            "errors_30d",
            (
                Band(ge, 10, 15, "High error volume ({value} errors in 30d)"),
                Band(ge, 3, 8, "Some errors reported ({value} errors in 30d)"),
            ),
        ),
        Rule(
            "churn_intent",
            "Cancellation intent",
            "churn_intent_30d",
            (Band(ge, 1, 22, INTENT, "intent"),),
        ),
        Rule(
            "satisfaction",
            "Low satisfaction",
            "satisfaction_score",
            (
                Band(le, 2, 12, "Low satisfaction score (1–2/5)", "satisfaction"),
                Band(eq, 3, 6, "Medium satisfaction score (3/5)"),
            ),
            worse=-1,
        ),
        Rule(
            "escalation",
            "Ticket escalation",
            "escalations_30d",
            (Band(ge, 1, 10, "Ticket escalation (higher risk)", "support"),),
        ),
        Rule(
            "downgrade",
            "Downgrade",
            "downgrade_flag",
            (Band(eq, 1, 12, "Recent downgrade (value risk)", "value"),),
        ),
        Rule(
            "trial",
            "Trial",
            "is_trial",
            (Band(eq, 1, 8, "Trial customer (activation risk)", "onboarding"),),
        ),
    ),
    "basic": (
        Rule(
            "usage_drop",
            "Usage drop",
            "usage_drop_pct",
            (
                Band(ge, Fraction(40, 100), 35, DROPPED, "usage"),
                Band(ge, Fraction(20, 100), 18, DROPPED, "usage"),
            ),
        ),
        Rule(
            "support_load",
            "Support load",
            "tickets_30d",
            (
                Band(ge, 5, 20, "High support load ({value} tickets in 30d)", "support"),
                Band(ge, 3, 12, "Elevated support load ({value} tickets in 30d)", "support"),
            ),
        ),
        Rule(
            "churn_intent",
            "Cancellation intent",
            "churn_intent_30d",
            (Band(ge, 1, 18, INTENT, "intent"),),
        ),
        Rule(
            "new_customer",
            "New customer",
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
HISTORY_WEEKS = 26
LEVELS = ("Low", "Medium", "High")
SUNDAY = 6


# ------------------------------------------------------------------------------ expected rows
@dataclass
class Customer:
    customer_id: str
    account_id: str
    arr: Decimal | None
    is_trial: bool | None
    downgrade_flag: bool | None
    billing_frequency: str | None
    auto_renew_flag: bool | None
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
    # by rule that fired
    points: dict[str, int] = field(default_factory=dict)


# rows by key: (customer,), (customer, rule), (account,), (date, customer) or (date,)
Rows = dict[tuple[Any, ...], dict[str, Any]]
# the customers of each as-of date, the latest date first
History = dict[date, dict[str, Customer]]


def scores(
    facts: Facts, ruleset: str, as_of: date | None, weeks: int = HISTORY_WEEKS
) -> dict[str, Rows]:
    """Return the expected rows of each as-of mart. Without `as_of` the data sets the date."""
    known = Known(facts)
    as_of = as_of or known.last_usage_date()
    rules = RULESETS[ruleset]
    past = _past(known, rules, as_of, weeks)
    customers = list(past[as_of].values())
    evaluations = {
        (c.customer_id, rule.rule_id): _evaluation(c, rule) for c in customers for rule in rules
    }
    at_risk, contacts = _at_risk(past, as_of)
    return {
        "customer_risk": {(c.customer_id,): _row(c) for c in customers},
        "risk_rule_evaluations": evaluations,
        "risk_rule_firings": {key: row for key, row in evaluations.items() if row["fired"]},
        "at_risk_customers": at_risk,
        "at_risk_accounts": _accounts(customers, contacts),
    }


def history(
    facts: Facts, ruleset: str, as_of: date | None, weeks: int = HISTORY_WEEKS
) -> dict[str, Rows]:
    """Return the expected rows of the history marts, and the history columns of `customer_risk`."""
    known = Known(facts)
    as_of = as_of or known.last_usage_date()
    rules = RULESETS[ruleset]
    past = _past(known, rules, as_of, weeks)
    movements = {(name,): _movement(past, name) for name in past[as_of]}
    _, contacts = _at_risk(past, as_of)
    worst: dict[str, str] = {}
    for customer in contacts:
        worst.setdefault(customer.account_id, customer.customer_id)
    return {
        "customer_risk": movements,
        "at_risk_accounts": {(a,): movements[name,] for a, name in worst.items()},
        "customer_risk_history": {
            (day, name): _row(
                customer,
                *("churned", "recommended_actions", "billing_frequency", "auto_renew_flag"),
            )
            for day, customers in past.items()
            for name, customer in customers.items()
        },
        "risk_movements": _level_changes(past, rules),
        "risk_trend": _trend(past),
    }


def history_dates(as_of: date, weeks: int) -> list[date]:
    """Return the as-of date and the Sundays before it, the latest first."""
    dates, day = [as_of], as_of
    while len(dates) < weeks:
        day -= timedelta(days=1)
        if day.weekday() == SUNDAY:
            dates.append(day)
    return dates


def _a_week_before(past: History, day: date) -> date | None:
    """Return the latest history date at least a week before this day."""
    return max((other for other in past if (day - other).days >= 7), default=None)


def _movement(past: History, customer_id: str) -> dict[str, Any]:
    as_of = max(past)
    before = past.get(_a_week_before(past, as_of), {}).get(customer_id)
    spell = []
    for day in sorted(past, reverse=True):
        if customer_id not in past[day] or past[day][customer_id].risk_level == "Low":
            break
        spell.append(day)
    score = past[as_of][customer_id].risk_score
    return {
        "risk_score_prev_week": before.risk_score if before else None,
        "risk_score_change": score - before.risk_score if before else None,
        "weeks_at_risk": len(spell),
        "first_at_risk_date": min(spell, default=None),
    }


def _level_changes(past: History, rules: tuple[Rule, ...]) -> Rows:
    to_date = max(past)
    from_date = _a_week_before(past, to_date)
    rows: Rows = {}
    for customer_id, before in past.get(from_date, {}).items():
        now = past[to_date][customer_id]
        if now.risk_level == before.risk_level:
            continue

        def labels(holds: Callable[[int, int], bool], then=before, now=now) -> str | None:
            points = (
                (r, then.points.get(r.rule_id, 0), now.points.get(r.rule_id, 0)) for r in rules
            )
            return "; ".join(rule.label for rule, *both in points if holds(*both)) or None

        rows[(customer_id,)] = {
            "from_date": from_date,
            "to_date": to_date,
            "is_active": now.is_active,
            "arr": now.arr,
            "from_level": before.risk_level,
            "to_level": now.risk_level,
            "direction": (
                "up" if LEVELS.index(now.risk_level) > LEVELS.index(before.risk_level) else "down"
            ),
            "from_score": before.risk_score,
            "to_score": now.risk_score,
            "newly_fired": labels(lambda then, now: now > 0 and then == 0),
            "worsened": labels(lambda then, now: now > then > 0),
            "eased": labels(lambda then, now: then > now > 0),
            "cleared": labels(lambda then, now: then > 0 and now == 0),
        }
    return rows


def _trend(past: History) -> Rows:
    def state(customers: list[Customer]) -> dict[str, Any]:
        at_risk = [c.arr or 0 for c in customers if c.is_active and c.risk_level != "Low"]
        return {
            "customers": len(customers),
            **{level.lower(): sum(c.risk_level == level for c in customers) for level in LEVELS},
            "arr_at_risk": sum(at_risk, Decimal(0)),
            "avg_risk_score": _mean(c.risk_score for c in customers),
            "usage_30d": sum(c.usage_30d for c in customers),
            # count each account's tickets once
            "tickets_30d": sum({c.account_id: c.tickets_30d for c in customers}.values()),
            "errors_30d": sum(c.errors_30d for c in customers),
        }

    states = {day: _published(state(list(past[day].values()))) for day in past}
    rows: Rows = {}
    for day, now in states.items():
        previous = _a_week_before(past, day)
        before = states.get(previous, dict.fromkeys(now))
        changes = {
            f"{metric}_change": None if None in (value, before[metric]) else value - before[metric]
            for metric, value in now.items()
        }
        rows[(day,)] = {"previous_date": previous, **now, **changes}
    return rows


def _row(customer: Customer, *without: str) -> dict[str, Any]:
    return _published(
        {k: v for k, v in vars(customer).items() if k != "points" and k not in without}
    )


class Known:
    """Looks up facts by the account or customer that they belong to."""

    def __init__(self, facts: Facts) -> None:
        self.subscriptions = _staged_subscriptions(facts.subscriptions)
        self.account_ids = set(facts.account_ids)
        self.usage_of, self.tickets_of = defaultdict(list), defaultdict(list)
        self.intents_of, self.churns_of = defaultdict(list), defaultdict(list)
        for row in _staged_usage(facts.usage):
            self.usage_of[row.subscription_id].append(row)
        for ticket in facts.tickets:
            if ticket.ticket_id and ticket.submitted_at:
                self.tickets_of[ticket.account_id].append(ticket)
        for intent in facts.intents:
            self.intents_of[intent.customer_id].append(intent)
        for event in facts.churn_events:
            if event.churn_date:
                self.churns_of[event.account_id].append(event.churn_date)

    def last_usage_date(self) -> date:
        """Return the latest usage date of a known subscription."""
        return max(row.usage_date for name in self.subscriptions for row in self.usage_of[name])

    def customers(self, rules: tuple[Rule, ...], as_of: date) -> list[Customer]:
        """Score the customers that have started."""
        customers = []
        for name, row in self.subscriptions.items():
            if row.account_id in self.account_ids and row.start_date <= as_of:
                tickets = [
                    ticket
                    for ticket in self.tickets_of[row.account_id]
                    if _current(ticket.submitted_at.date(), as_of)
                ]
                churned = any(day <= as_of for day in self.churns_of[row.account_id])
                usage, intents = self.usage_of[name], self.intents_of[name]
                customer = _customer(row, usage, tickets, intents, churned, as_of)
                _score(customer, rules)
                customers.append(customer)
        return customers


def _staged_subscriptions(rows: Iterable[Subscription]) -> dict[str, Subscription]:
    """Return one row per id: the one that started first."""
    staged: dict[str, Subscription] = {}
    for row in rows:
        if row.subscription_id is None or row.account_id is None or row.start_date is None:
            continue
        other = staged.get(row.subscription_id)
        if other is None or row.start_date < other.start_date:
            staged[row.subscription_id] = row
    return staged


def _staged_usage(rows: Iterable[Usage]) -> list[Usage]:
    """Count a duplicated row once, unless it has no id."""
    staged = []
    for row in rows:
        if None not in (row.subscription_id, row.usage_date, row.usage_count):
            staged += [row] * (2 if row.is_doubled and row.usage_id is None else 1)
    return staged


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
    # satisfaction and resolution time are unknown until the ticket is closed
    known = [t for t in tickets if t.closed_at is None or t.closed_at.date() <= as_of]
    scored = sorted(
        (t.submitted_at, t.ticket_id, t.satisfaction_score) for t in known if t.satisfaction_score
    )
    is_active = subscription.end_date is None or subscription.end_date > as_of
    heard = [i.intent_date for i in intents if is_active or not i.is_account_level]
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
        billing_frequency=subscription.billing_frequency,
        auto_renew_flag=subscription.auto_renew_flag,
        is_active=is_active,
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
        churn_intent_30d=sum(_current(day, as_of) for day in heard),
        signal_coverage=coverage[bool(current or prior), bool(tickets)],
    )


def _mean(values: Iterable[int | Decimal | None]) -> Fraction | None:
    fractions = [Fraction(value) for value in values if value is not None]
    return sum(fractions) / len(fractions) if fractions else None


def _current(day: date, as_of: date) -> bool:
    return as_of - timedelta(days=30) <= day <= as_of


def _prior(day: date, as_of: date) -> bool:
    return as_of - timedelta(days=60) <= day < as_of - timedelta(days=30)


def _bands(rule: Rule, value: Any) -> list[Band]:
    """Return the bands that hold, the most severe first."""
    return [band for band in rule.bands if value is not None and band.holds(value, band.limit)]


def _reason(rule: Rule, band: Band, value: Any) -> str:
    percent = int(value * 100) if rule.rule_id == "usage_drop" else None
    return band.reason.format(value=value, percent=percent)


def _evaluation(customer: Customer, rule: Rule) -> dict[str, Any]:
    """Return the value that the rule checked, and its result."""
    value = getattr(customer, rule.signal)
    band = next(iter(_bands(rule, value)), None)
    distances = [] if value is None else [rule.worse * (b.limit - value) for b in rule.bands]
    return _published(
        {
            "fired": band is not None,
            "points": band.points if band else 0,
            "reason": _reason(rule, band, value) if band else None,
            "threshold": Fraction(band.limit) if band else None,
            "gap_to_next_band": min((Fraction(d) for d in distances if d > 0), default=None),
        }
    )


def _score(customer: Customer, rules: tuple[Rule, ...]) -> None:
    fired = []
    for rule in rules:
        value = getattr(customer, rule.signal)
        for band in _bands(rule, value)[:1]:
            fired.append((rule, band, _reason(rule, band, value)))
    customer.points = {rule.rule_id: band.points for rule, band, _ in fired}
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


def _past(known: "Known", rules: Any, as_of: date, weeks: int) -> History:
    return {
        day: {c.customer_id: c for c in known.customers(rules, day)}
        for day in history_dates(as_of, weeks)
    }


def _renews_soon(customer: Customer, as_of: date) -> bool:
    """Whether the customer renews soon; without a date, it renews on each anniversary.

    Monthly payers can leave at any time, so they never count as renewing soon.
    """
    if customer.auto_renew_flag is False:
        return True
    if customer.billing_frequency == "monthly":
        return False
    start = as_of - timedelta(days=customer.tenure_days)
    for year in (as_of.year, as_of.year + 1):
        day = min(start.day, monthrange(year, start.month)[1])
        renewal = date(year, start.month, day)
        if renewal >= as_of:
            return (renewal - as_of).days <= 60
    raise AssertionError("one of these renewals lies ahead")


def _at_risk(past: History, as_of: date) -> tuple[Rows, list[Customer]]:
    """Return the rows of the at-risk list, and its active customers in contact order."""
    customers = list(past[as_of].values())

    def arr_falling(customer: Customer) -> Decimal:
        return -customer.arr if customer.arr is not None else Decimal("Infinity")

    def contact_order(customer: Customer) -> tuple[Any, ...]:
        return (
            not (customer.arr and customer.arr > 0),
            ("High", "Medium").index(customer.risk_level),
            not _renews_soon(customer, as_of),
            # customers with doubtful evidence come after those with strong evidence
            ("strong", "thin", "incomplete window").index(customer.usage_evidence or "strong"),
            -customer.risk_score,
            -_movement(past, customer.customer_id)["weeks_at_risk"],
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
    """Round fractions as the marts do: six digits, halves away from zero."""

    def rounded(value: Fraction) -> Decimal:
        digits = int(abs(value) * 10**6 + Fraction(1, 2))
        return Decimal(digits if value > 0 else -digits).scaleb(-6)

    return {k: rounded(v) if isinstance(v, Fraction) else v for k, v in row.items()}
