"""Simulates how customers change: the hidden state, its signals, and the hazard.

One step is one period of 30 days. Each account has a state, healthy or declining, which follows a
two-state Markov chain. Usage falls while the account declines and recovers afterwards. Tickets,
errors, ratings and downgrades depend on the state. Known coefficients turn the signals of this
period into a subscription's hazard of ending in the *next* period.
"""

from dataclasses import dataclass

import numpy as np

from churn.generate.population import Flags, Floats, Ints, Population
from churn.generate.settings import PERIOD_DAYS, PERIODS, SLOTS, Coefficients

STAYS_HEALTHY = 0.945
STAYS_DECLINING = 0.92
RECOVERY_RATE = 0.6  # recovery of the log of usage in a healthy period
LOWEST_LEVEL = -3.0
USAGE_NOISE = 0.16  # noise in the log of each row's mean

# Each pair: healthy, declining.
TICKETS_A_PERIOD = np.array([0.18, 1.7])
ERRORS_A_ROW = np.array([0.05, 0.9])
DOWNGRADE_CHANCE = np.array([0.003, 0.035])
# The chance of a rating of at most 1, 2, 3, 4 stars, by state.
RATING_UP_TO = np.array([[0.02, 0.05, 0.17, 0.53], [0.24, 0.51, 0.75, 0.93]])
RATED_SHARE = 0.62
HOUR_SECONDS = 3600

# The history ends with a faulty release: in the last period more accounts begin to decline, usage
# falls faster, and declining accounts send more tickets and see more errors.
ROUGH_PERIOD = PERIODS - 1
ROUGH_ONSET = 3.6
ROUGH_FALL = 1.4
ROUGH_SIGNALS = 2.0


@dataclass
class State:
    """The state of every customer at the end of a period. Shapes: accounts or subscriptions."""

    declining: Flags  # by account
    level: Floats  # by account: log of usage relative to a healthy period, at most 0
    downgraded: Flags  # by subscription
    last_usage: Ints  # by subscription: usage of this period, -1 for a partial period


@dataclass(frozen=True)
class Tickets:
    """The tickets of one period, one entry per ticket."""

    account: Ints
    day: Ints
    second: Ints  # of the day
    declining: Flags
    rating: Ints  # 0 without a rating


@dataclass(frozen=True)
class Signals:
    """The signals of one period. Usage arrays: (subscriptions, slots); the rest: tickets
    or (subscriptions,)."""

    usage_day: Ints
    usage_count: Ints  # 0 if there is no row
    error_count: Ints
    tickets: Tickets
    drop: Floats
    ticket_count: Ints
    errors: Ints
    dissatisfaction: Floats


def initial_state(population: Population) -> State:
    """Draw the state before the first period."""
    subscriptions = len(population.subscriptions.account)
    declining = population.accounts.starts_declining
    return State(
        declining=declining.copy(),
        level=np.where(declining, -population.accounts.decline_rate, 0.0),
        downgraded=np.zeros(subscriptions, dtype=np.bool_),
        last_usage=np.full(subscriptions, -1, dtype=np.int64),
    )


def advance(
    random: np.random.Generator,
    population: Population,
    state: State,
    period: int,
    slots: int = SLOTS,
) -> Signals:
    """Advance `state` in place to the end of `period`, and return the signals of the period.

    Usage has one row per slot; one slot is enough if only totals matter.
    """
    accounts, subscriptions = population.accounts, population.subscriptions
    first_day = period * PERIOD_DAYS
    last_day = first_day + PERIOD_DAYS - 1

    started = population.first_start < first_day
    rough = period == ROUGH_PERIOD
    onset = (1 - STAYS_HEALTHY) * (ROUGH_ONSET if rough else 1)
    fall = accounts.decline_rate * (ROUGH_FALL if rough else 1)
    strain = np.array([1.0, ROUGH_SIGNALS if rough else 1.0])

    move = random.random(len(state.declining))
    changed = np.where(state.declining, move < STAYS_DECLINING, move < onset)
    state.declining = np.where(started, changed, state.declining)
    state.level = np.where(
        state.declining,
        np.maximum(state.level - fall * started, LOWEST_LEVEL),
        np.minimum(state.level + RECOVERY_RATE, 0),
    )
    declining = state.declining.astype(np.int64)
    of_subscription = declining[subscriptions.account]

    size = (len(subscriptions.account), slots)
    slot_days, rows = PERIOD_DAYS // slots, SLOTS / slots
    usage_day = first_day + np.arange(slots) * slot_days + random.integers(0, slot_days, size)
    mean = rows * subscriptions.base_usage * np.exp(state.level[subscriptions.account])
    used = (usage_day >= subscriptions.start_day[:, None]) & (
        usage_day < subscriptions.abandoned_day[:, None]
    )
    noise = np.exp(USAGE_NOISE / np.sqrt(rows) * random.standard_normal(size))
    usage_count = random.poisson(np.where(used, mean[:, None] * noise, 0))
    error_rate = (
        rows * (ERRORS_A_ROW * strain)[of_subscription] * accounts.friction[subscriptions.account]
    )
    error_count = random.poisson(np.where(usage_count > 0, error_rate[:, None], 0))

    state.downgraded |= (
        (random.random(size[0]) < DOWNGRADE_CHANCE[of_subscription])
        & (subscriptions.start_day < first_day)
        & ~subscriptions.is_trial
    )

    usage = usage_count.sum(axis=1)
    drop = np.where(
        state.last_usage > 0, np.maximum(1 - usage / np.maximum(state.last_usage, 1), 0), 0.0
    )
    state.last_usage = np.where(subscriptions.start_day <= first_day, usage, -1)

    ticket_rate = (TICKETS_A_PERIOD * strain)[declining] * accounts.friction
    tickets = _draw_tickets(random, population, declining, ticket_rate, first_day, last_day)
    ticket_count = np.bincount(tickets.account, minlength=len(declining))
    rated = np.bincount(tickets.account[tickets.rating > 0], minlength=len(declining))
    stars = np.bincount(tickets.account, weights=tickets.rating, minlength=len(declining))
    dissatisfaction = np.where(rated > 0, np.maximum(3.5 - stars / np.maximum(rated, 1), 0), 0.0)
    return Signals(
        usage_day=usage_day,
        usage_count=usage_count,
        error_count=error_count,
        tickets=tickets,
        drop=drop,
        ticket_count=ticket_count[subscriptions.account],
        errors=error_count.sum(axis=1),
        dissatisfaction=dissatisfaction[subscriptions.account],
    )


def _draw_tickets(
    random: np.random.Generator,
    population: Population,
    declining: Ints,
    ticket_rate: Floats,
    first_day: int,
    last_day: int,
) -> Tickets:
    """Draw tickets evenly over the days since the account's start, mostly in working hours."""
    accounts = population.accounts
    from_day = np.maximum(population.first_start, first_day)
    share = np.maximum(last_day + 1 - from_day, 0) / PERIOD_DAYS
    gone = accounts.abandons & (population.first_start + 45 < first_day)
    account = np.repeat(np.arange(len(declining)), random.poisson(ticket_rate * share * ~gone))
    size = len(account)
    day = from_day[account] + (random.random(size) * (last_day + 1 - from_day[account])).astype(
        np.int64
    )
    steps = RATING_UP_TO[declining[account]]
    stars = 1 + (random.random(size)[:, None] >= steps).sum(axis=1)
    rating = np.where(random.random(size) < RATED_SHARE, stars, 0)
    second = np.clip(HOUR_SECONDS * (13.2 + 3.2 * random.standard_normal(size)), 300, 86_000)
    return Tickets(account, day, second.astype(np.int64), declining[account] == 1, rating)


def hazard(
    coefficients: Coefficients, population: Population, state: State, signals: Signals
) -> Floats:
    """Return each subscription's probability of ending in the next period."""
    logit = (
        coefficients.intercept
        + coefficients.drop * signals.drop
        + coefficients.tickets * signals.ticket_count
        + coefficients.errors * signals.errors
        + coefficients.dissatisfaction * signals.dissatisfaction
        + coefficients.downgrade * state.downgraded
        + coefficients.trial * population.subscriptions.is_trial
    )
    chance: Floats = 1 / (1 + np.exp(-logit))
    return chance
