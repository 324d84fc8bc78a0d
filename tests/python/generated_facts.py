"""Made-up accounts with histories at every boundary of the rules, spelled as in real files."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from compiled_models import BASE, CONFIGURED_DATE
from reference_scoring import ChurnEvent, Facts, Intent, Subscription, Ticket, Usage

# prefixes of numbered ids, so that they sort differently by code point, letter and number
PREFIXES = ("a", "B", "b-", "Z", "é", "_", "9", "10", "ß", "ﬀ", "😀", "A b")


def usage_pairs() -> list[tuple[int, int]]:
    """Return usage (prior, current): drops at and one unit beside each band, small and large."""
    pairs = [
        (5 * size, 5 * size - fifths * size + beside)
        for fifths in (1, 2, 3)
        for size in (1, 20, 7, 333_333, 20_000_000_000)
        for beside in (-1, 0, 1)
    ]
    pairs += [(100, 71), (100, 70), (100, 99), (3, 2), (3, 1), (7, 5), (10**11, 71 * 10**9)]
    pairs += [(0, 0), (0, 9), (9, 0), (1, 0), (10, 10), (10, 35), (1, 10**11), (10**11, 1)]
    return pairs


USAGE = usage_pairs()
# days before the as-of date; negative numbers lie after it
CURRENT = (0, 30, 1, 29, 0, 30)
PRIOR = (31, 60, 32, 59, 31, 60)
BEYOND = (61, 62, -1, 400, -5)
STARTED = (400, 400, 400, 61, 60, 59, 31, 30, 0, 1, -1, None)
ENDED = (None, None, None, None, 1, 0, -1)
SUBMITTED = ((0, "00:00:00"), (0, "23:59:59"), (30, "00:00:00"), (30, "12:00"), (7, "12:00"))
NOT_SUBMITTED = ((31, "23:59:59"), (-1, "00:00:00"), (45, "09:00"))
CLOSED = (None, None, (5, "12:00"), (0, "00:00:00"), (0, "23:59:59"), (-1, "00:00:00"))
DURATIONS = (None, Decimal(0), Decimal("0.5"), Decimal(24), Decimal("100.25"))
# The facts of an account lie around the as-of date (0), this many Sundays before it, or several of
# these dates. The history of the standard rule set has 25 Sundays.
DATES = ((0,), (0,), (0,), (1,), (2,), (8, 0), (9,), (25,), (26, 12, 0), (20, 1), (10, 9, 0))
AMOUNTS = (None, *map(Decimal, ("0", "1200", "1200", "5000.50", "99.99", "0.01")))


def parts(total: int, days: list[int]) -> list[tuple[int, int]]:
    """Split a total over some days: (day, count)."""
    share = total // len(days)
    return [(days[0], total - share * (len(days) - 1)), *((day, share) for day in days[1:])]


@dataclass(frozen=True)
class Scenario:
    ruleset: str
    # None: the data sets the as-of date
    configured: date | None
    facts: Facts
    seed: int
    as_of: date = CONFIGURED_DATE


class Story:
    """Makes up accounts with events around the as-of date or earlier Sundays."""

    def __init__(self, seed: int, as_of: date) -> None:
        self.as_of = as_of
        # the date around which the next facts lie, and its number of Sundays before the as-of date
        self.around, self.sundays = as_of, 0
        self.random = random.Random(seed)
        self.pick = self.random.choice
        self.facts = Facts([], [], [], [], [], [])

    def some(self, values: Sequence[Any], least: int, most: int) -> list[Any]:
        return self.random.choices(values, k=self.random.randint(least, most))

    def rarely(self, *values: Any) -> Any:
        return self.pick(values) if self.random.random() < 0.15 else None

    def day(self, days_before: int | None) -> date | None:
        return None if days_before is None else self.around - timedelta(days_before)

    def moment(self, days_before: int, clock: str) -> datetime:
        return datetime.combine(self.around - timedelta(days_before), time.fromisoformat(clock))

    def look_around(self, sundays: int) -> None:
        """Move to the as-of date (0), or this many Sundays before it."""
        self.sundays, self.around = sundays, self.as_of
        if sundays:
            days = self.as_of.isoweekday() % 7 or 7
            self.around -= timedelta(days + 7 * (sundays - 1))

    def add_account(self, place: int) -> None:
        account_id = f"{PREFIXES[place % len(PREFIXES)]}{place}"
        if self.random.random() < 0.9:
            self.facts.account_ids.append(account_id)
        dates = self.pick(DATES)
        for sundays in dates:
            self.look_around(sundays)
            self.add_tickets(account_id)
        for days in self.some((0, -1, 100, None), 0, 2):
            self.facts.churn_events.append(ChurnEvent(account_id, self.day(days)))
        for number in range(self.random.randint(1, 3)):
            prefix = PREFIXES[(place + 5 * number) % len(PREFIXES)]
            self.add_customer(f"{prefix}{place}.{number}", account_id, dates)
        self.look_around(0)

    def add_customer(self, customer_id: str, account_id: str, dates: Sequence[int]) -> None:
        self.look_around(self.pick(dates))
        row = Subscription(
            customer_id,
            account_id,
            start_date=self.day(self.pick(STARTED)),
            end_date=self.day(self.pick(ENDED)),
            is_trial=self.pick((None, False, True)),
            downgrade_flag=self.pick((None, False, True)),
            arr_amount=self.pick(AMOUNTS),
            mrr_amount=self.pick(AMOUNTS),
        )
        self.facts.subscriptions.append(row)
        if self.rarely(True):
            # a later renewal with the same id, which loses
            newer = (row.start_date or self.around) + timedelta(20)
            twin = replace(row, start_date=newer, end_date=None, is_trial=True, arr_amount=None)
            self.facts.subscriptions.insert(self.pick((0, len(self.facts.subscriptions))), twin)
        for sundays in dates:
            self.look_around(sundays)
            self.add_usage(customer_id)
            for days in self.pick(((), (), (), (0,), (30,), (31,), (-1,), (0, 9, 30))):
                self.facts.intents.append(
                    Intent(customer_id, self.day(days), self.pick((False, True)))
                )

    def add_usage(self, customer_id: str) -> None:
        rows = []
        if self.random.random() < 0.9:
            prior, current = self.pick(USAGE)
            keeps_zeros = self.pick((False, True))
            errors = self.pick((None, 0, 2, 3, 4, 9, 10, 11))
            for place, (day, count) in enumerate(parts(current, self.some(CURRENT, 1, 3))):
                if current or keeps_zeros or errors:
                    rows.append((day, count, errors if place == 0 else None))
            for day, count in parts(prior, self.some(PRIOR, 1, 3)):
                if prior or keeps_zeros:
                    rows.append((day, count, 50))
        rows += [(day, 77, 50) for day in self.some(BEYOND, 0, 2)]
        # duplicated rows count once if they have an id
        has_ids, doubled = self.pick((False, True)), self.rarely(*range(len(rows) or 1))
        for place, (day, count, errors) in enumerate(rows):
            usage_id = f"U-{customer_id}-{self.sundays}-{place}" if has_ids else None
            self.facts.usage.append(
                Usage(customer_id, self.day(day), count, errors, usage_id, place == doubled)
            )
        if spoiled := self.rarely("subscription_id", "usage_date", "usage_count"):
            row = Usage(customer_id, self.day(1), 1000, 20)
            self.facts.usage.append(replace(row, **{spoiled: None}))
            # if this row were read, it would move the as-of date
            self.facts.usage.append(Usage(customer_id, self.as_of + timedelta(9), None))

    def add_tickets(self, account_id: str) -> None:
        tickets = self.facts.tickets
        for place in range(self.pick((0, 0, 1, 2, 3, 4, 5, 6, 7))):
            closed = self.pick(CLOSED)
            ticket = Ticket(
                # the id with 9 sorts after the one with 10, because ids are text
                f"T-{account_id}-{8 + place}-{self.sundays}",
                account_id,
                self.moment(*self.pick(SUBMITTED)),
                self.moment(*closed) if closed else None,
                self.pick((None, None, 1, 2, 3, 4, 5)),
                self.pick((None, False, False, False, False, True)),
                self.pick(DURATIONS),
                self.pick(DURATIONS),
                is_doubled=bool(self.rarely(True)),
            )
            tickets.insert(self.pick((0, len(tickets))), ticket)
        for place, when in enumerate(self.some(NOT_SUBMITTED, 0, 2)):
            ticket_id = f"X-{account_id}-{place}-{self.sundays}"
            tickets.append(Ticket(ticket_id, account_id, self.moment(*when), None, 1, True))
        if spoiled := self.rarely("ticket_id", "account_id", "submitted_at"):
            row = Ticket(f"Y-{account_id}", account_id, self.moment(0, "12:00"), None, 1, True)
            tickets.append(replace(row, **{spoiled: None}))

    def let_the_data_decide(self) -> None:
        """Make the known usage end on the as-of date, at most 30 days after the usage before it."""
        facts = self.facts
        facts.account_ids.append("anchor")
        facts.subscriptions.append(Subscription("anchor", "anchor", self.day(365)))
        facts.usage[:] = [
            row
            for row in facts.usage
            if None in (row.subscription_id, row.usage_date, row.usage_count)
            or row.usage_date <= self.as_of
        ]
        facts.usage.extend(Usage("anchor", self.day(days), 1) for days in (30, 0))
        facts.usage.append(Usage("nobody", self.day(-3), 5))


# a Sunday, the last day of a year, and days of a week whose history begins in the year before
AS_OF = (CONFIGURED_DATE, date(2023, 12, 31), *(date(2024, 1, day) for day in range(6, 0, -1)))


def scenario(seed: int, accounts: int, ruleset: str, is_configured: bool) -> Scenario:
    as_of = CONFIGURED_DATE if is_configured else AS_OF[seed % len(AS_OF)]
    story = Story(seed, as_of)
    for place in range(accounts):
        story.add_account(place)
    if not is_configured:
        story.let_the_data_decide()
    configured = as_of if is_configured else None
    return Scenario(ruleset, configured, story.facts, seed, as_of)


# ------------------------------------------------------------------------------ facts as text
class Spelling:
    """Spells values as files do, choosing among equivalent spellings."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed).choice

    def id(self, value: str | None) -> str | None:
        if value is None:
            return self.pick([None, "", "   "])
        return self.pick([value, value, f" {value} ", f"\xa0{value}\t\r\n"])

    def count(self, value: int | None) -> str | None:
        if value is None:
            return self.pick([None, "", " ", "-1", "-3.0", "1.5", "many", "1,5", "NaN"])
        return self.pick([f"{value}", f"{value}", f" {value} ", f"{value}.0", f"+{value}"])

    def rating(self, value: int | None) -> str | None:
        if value is None:
            return self.pick([None, "", "0", "6", "2.5", "good", "-1", "15"])
        return self.pick([f"{value}", f" {value} ", f"{value}.0", f"{value}.00"])

    def flag(self, value: bool | None) -> str | None:
        if value is None:
            return self.pick([None, "", "maybe", "2", "null"])
        if value:
            return self.pick(["True", "true", "TRUE", "t", "yes", "Y", " 1 ", "1.0"])
        return self.pick(["False", "false", "F", "no", "N", "0", "0.0 "])

    def duration(self, value: Decimal | None) -> str | None:
        return self.pick([None, "", "-0.5", "soon"]) if value is None else self.money(value)

    def money(self, value: Decimal | None) -> str | None:
        if value is None:
            return self.pick([None, "", "n/a"])
        return self.pick([f"{value}", f"{value:.2f}", f" {value} "])

    def day(self, value: date | None) -> str | None:
        if value is None:
            return self.pick([None, "", "2024-02-30", "31/03/2024", "2024-13-01", "soon", "0"])
        clock = self.pick([time(0, 0), time(0, 30), time(23, 59, 59)])
        return self.pick(
            [value.isoformat(), f" {value} ", self.moment(datetime.combine(value, clock))]
        )

    def moment(self, value: datetime | None) -> str | None:
        if value is None:
            return self.pick([None, "", "2024-02-30 10:00:00", "yesterday", "2024-01-01 25:00"])
        east, west = value + timedelta(hours=5, minutes=30), value - timedelta(hours=8)
        ways = [
            f"{value}",
            f"{value.isoformat()}",
            f"{value.isoformat()}Z",
            f" {value}+00",
            f"{east.isoformat()}+05:30",
            f"{west}-08:00",
            f"{value} UTC",
            f"{value}.000",
        ]
        if value.time() == time(0, 0):
            ways.append(f"{value.date()}")
        return self.pick(ways)


def raw_tables(facts: Facts, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Return the facts as rows of the base tables, with every value as text."""
    spelled = Spelling(seed)
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in BASE}

    def add(table: str, is_doubled: bool = False, **values: str | None) -> None:
        rows = tables[f"base_saas__{table}"]
        row_hash = hashlib.md5(repr(values).encode()).hexdigest()
        for _ in range(1 + is_doubled):
            rows.append({"_row_number": len(rows) + 1, "_row_hash": row_hash, **values})

    for account_id in facts.account_ids:
        add("accounts", account_id=spelled.id(account_id), is_doubled=account_id.endswith("7"))
    for s in facts.subscriptions:
        add(
            "subscriptions",
            subscription_id=spelled.id(s.subscription_id),
            account_id=spelled.id(s.account_id),
            start_date=spelled.day(s.start_date),
            end_date=spelled.day(s.end_date),
            is_trial=spelled.flag(s.is_trial),
            downgrade_flag=spelled.flag(s.downgrade_flag),
            arr_amount=spelled.money(s.arr_amount),
            mrr_amount=spelled.money(s.mrr_amount),
        )
    for u in facts.usage:
        add(
            "feature_usage",
            u.is_doubled,
            usage_id=spelled.id(u.usage_id),
            subscription_id=spelled.id(u.subscription_id),
            usage_date=spelled.day(u.usage_date),
            usage_count=spelled.count(u.usage_count),
            error_count=spelled.count(u.error_count),
        )
    for t in facts.tickets:
        add(
            "support_tickets",
            t.is_doubled,
            ticket_id=spelled.id(t.ticket_id),
            account_id=spelled.id(t.account_id),
            submitted_at=spelled.moment(t.submitted_at),
            closed_at=spelled.moment(t.closed_at),
            satisfaction_score=spelled.rating(t.satisfaction_score),
            escalation_flag=spelled.flag(t.escalation_flag),
            resolution_time_hours=spelled.duration(t.resolution_time_hours),
            first_response_time_minutes=spelled.duration(t.first_response_time_minutes),
        )
    for e in facts.churn_events:
        add(
            "churn_events",
            account_id=spelled.id(e.account_id),
            churn_date=spelled.day(e.churn_date),
        )
    return {**tables, "int_customer_churn_intents": [vars(intent) for intent in facts.intents]}


def published(case: Scenario, configuration: str) -> list[dict[str, Any]]:
    """Return scores that people saw 3 and 8 days before; they must not change the history."""
    return [
        {
            "publication_id": str(days),
            "published_at": datetime.combine(case.as_of, time()),
            "as_of_date": case.as_of - timedelta(days),
            "configuration": configuration,
            "customer_id": row.subscription_id,
            "start_date": row.start_date,
        }
        for row in case.facts.subscriptions
        for days in (3, 8)
    ]
