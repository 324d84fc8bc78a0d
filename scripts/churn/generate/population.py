"""Draws the accounts and subscriptions of one block, before the simulation starts.

Arrays hold one entry per account or per subscription. Days are numbers that count from the first
day of the history (0); older customers started before it.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from churn.generate.names import LOCALES, MANAGERS, Locale, company_name
from churn.generate.settings import HISTORY_DAYS, MAX_SUBSCRIPTIONS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FIRST_ACCOUNT_NUMBER = 1001

PLANS = ("Basic", "Pro", "Enterprise")
PRICE_PER_SEAT_USD = np.array([19, 49, 89])
MEDIAN_SEATS = np.array([7.0, 26.0, 120.0])
MOST_SEATS = np.array([40, 250, 2000])
FEWEST_SEATS = np.array([2, 5, 40])
BILLING = ("monthly", "quarterly", "annual")
BILLING_MONTHS = np.array([1, 3, 12])
REFERRALS = ("organic search", "partner", "event", "paid ads", "customer referral", "outbound")

# Trials are recent: older ones have become paying customers or were deleted.
TRIAL_DAYS = 75
# Accounts younger than this have one subscription.
NEW_ACCOUNT_DAYS = 60
PLACES = [
    (locale, country, language)
    for language, locale in enumerate(LOCALES)
    for country in locale.countries
]
MANAGER_NAMES = tuple(name for team in MANAGERS.values() for name in team)


@dataclass(frozen=True)
class Accounts:
    """Shape of every array: (accounts,)."""

    number: Ints
    place: Ints  # index into PLACES
    legal_form: Ints
    signup_day: Ints
    plan: Ints
    manager: Ints  # index into MANAGER_NAMES, -1 for none
    referral: Ints
    writes_local_language: Flags
    # hidden traits
    friction: Floats  # scales tickets and errors; 1 is average
    decline_rate: Floats  # fall of the log of usage in a declining period
    starts_declining: Flags
    abandons: Flags  # stops using the product for good some months after the start


@dataclass(frozen=True)
class Subscriptions:
    """Shape of every array: (subscriptions,). Sorted by account, then by start."""

    account: Ints  # position in the block
    ordinal: Ints  # 1 for the first subscription of an account
    start_day: Ints
    plan: Ints
    seats: Ints
    discount: Floats
    is_trial: Flags
    billing: Ints
    auto_renew: Flags
    base_usage: Floats  # mean usage count of a healthy customer's row
    abandoned_day: Ints  # usage stops on this day; for most in the far future


@dataclass(frozen=True)
class Population:
    """The customers of one block of accounts."""

    accounts: Accounts
    subscriptions: Subscriptions
    first_start: Ints  # the earliest start day of each account

    def copies(self, chosen: Flags, times: int) -> "Population":
        """Repeat the accounts, as if each copy were a separate block.

        Each copy has only the `chosen` subscriptions.
        """
        count = len(self.first_start)
        accounts = {
            field.name: np.tile(getattr(self.accounts, field.name), times)
            for field in fields(Accounts)
        }
        subscriptions = {
            field.name: np.tile(getattr(self.subscriptions, field.name)[chosen], times)
            for field in fields(Subscriptions)
        }
        subscriptions["account"] += np.repeat(np.arange(times) * count, int(chosen.sum()))
        return Population(
            Accounts(**accounts),
            Subscriptions(**subscriptions),
            np.tile(self.first_start, times),
        )


def draw_population(random: np.random.Generator, first_number: int, count: int) -> Population:
    """Draw `count` accounts, numbered from `first_number`, with their subscriptions."""
    of_old = random.random(count) < 0.22
    start = np.where(
        of_old,
        -random.integers(0, 1000, count),
        np.floor(HISTORY_DAYS * random.random(count)).astype(np.int64) - 4,
    )
    start.sort()
    plan = random.choice(3, count, p=[0.40, 0.41, 0.19])
    shares = np.array([country.share for _, country, _ in PLACES])
    place = random.choice(len(PLACES), count, p=shares / shares.sum())
    accounts = Accounts(
        number=np.arange(first_number, first_number + count),
        place=place,
        legal_form=random.integers(0, 12, count),
        signup_day=start - random.integers(0, 9, count),
        plan=plan,
        manager=_draw_managers(random, place, plan),
        referral=random.choice(len(REFERRALS), count, p=[0.27, 0.16, 0.12, 0.17, 0.13, 0.15]),
        writes_local_language=random.random(count) < 0.65,
        friction=random.lognormal(-0.2, 0.65, count),
        decline_rate=np.clip(0.45 * random.lognormal(0, 0.5, count), 0.1, 1.6),
        starts_declining=random.random(count) < np.where(start < 0, 0.12, 0.04),
        abandons=random.random(count) < 0.045,
    )
    return Population(accounts, _draw_subscriptions(random, accounts, start), start)


def _draw_managers(random: np.random.Generator, place: Ints, plan: Ints) -> Ints:
    """Draw a manager of the account's region; one in ten of the smallest accounts has none."""
    managers = np.empty(len(place), dtype=np.int64)
    regions = np.array([list(MANAGERS).index(country.region) for _, country, _ in PLACES])[place]
    first = 0
    for region, team in enumerate(MANAGERS.values()):
        here = regions == region
        managers[here] = first + random.integers(0, len(team), int(here.sum()))
        first += len(team)
    return np.where((plan == 0) & (random.random(len(plan)) < 0.1), -1, managers)


def _draw_subscriptions(
    random: np.random.Generator, accounts: Accounts, first_start: Ints
) -> Subscriptions:
    """Draw one to three subscriptions per account: further teams, or a return after an end."""
    count = len(first_start)
    number = random.choice(np.arange(1, MAX_SUBSCRIPTIONS + 1), count, p=[0.80, 0.16, 0.04])
    number = np.where(first_start < HISTORY_DAYS - NEW_ACCOUNT_DAYS, number, 1)
    account = np.repeat(np.arange(count), number)
    ordinal = np.concatenate([np.arange(1, n + 1) for n in number])
    size = len(account)
    earliest = first_start[account]
    later = earliest + 20 + (random.random(size) * (HISTORY_DAYS - 25 - earliest)).astype(np.int64)
    start = np.where(ordinal == 1, earliest, np.clip(later, earliest, HISTORY_DAYS - 5))
    order = np.lexsort((start, account))
    start = start[order]

    plan = np.where(
        (ordinal > 1) & (random.random(size) < 0.3),
        np.maximum(accounts.plan[account] - 1, 0),
        accounts.plan[account],
    )
    seats = np.rint(
        MEDIAN_SEATS[plan] * random.lognormal(0, 0.6, size) * np.where(ordinal > 1, 0.6, 1)
    ).astype(np.int64)
    seats = np.clip(seats, FEWEST_SEATS[plan], MOST_SEATS[plan])
    billing = np.where(
        random.random(size) < np.array([0.2, 0.5, 0.85])[plan],
        2,
        (random.random(size) < 0.35).astype(np.int64),
    )
    return Subscriptions(
        account=account,
        ordinal=ordinal,
        start_day=start,
        plan=plan,
        seats=seats,
        discount=np.where(billing == 2, 0.1, 0) + np.where(seats >= 100, 0.1, 0),
        is_trial=(start >= HISTORY_DAYS - TRIAL_DAYS) & (random.random(size) < 0.4),
        billing=billing,
        auto_renew=random.random(size) < 0.72,
        base_usage=np.clip(random.lognormal(3.1, 0.6, size) * (seats / 20) ** 0.35, 3, 600),
        abandoned_day=np.where(
            accounts.abandons[account], start + random.integers(45, 200, size), 10**6
        ),
    )


def account_names(accounts: Accounts, seed: int) -> tuple[list[str], list[str]]:
    """Return the names and industries of the accounts; each account number has a unique name."""
    names, industries = [], []
    columns = (accounts.number, accounts.place, accounts.legal_form)
    for number, place, form in zip(*(column.tolist() for column in columns), strict=True):
        locale, country, language = PLACES[place]
        serial = _name_serial(locale, number - FIRST_ACCOUNT_NUMBER, seed + language)
        legal = country.legal_forms[form % len(country.legal_forms)]
        names.append(company_name(locale, serial, legal))
        industries.append(locale.trades[serial % len(locale.trades)][1])
    return names, industries


def _name_serial(locale: Locale, number: int, shift: int) -> int:
    """Scatter account numbers over the names of a locale; use each serial number once."""
    size = len(locale.stems) * len(locale.trades)
    step = int(size * 0.618) | 1
    while np.gcd(step, size) != 1:
        step += 2
    cycle, place = divmod(number, size)
    return cycle * size + (place * step + shift * 7919) % size
