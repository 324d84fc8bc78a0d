"""Simulates the history of one block of accounts, period by period.

Keeps the signals (later rows), the day on which each subscription ended, and the hidden truth.
"""

from copy import deepcopy
from dataclasses import dataclass, fields

import numpy as np

from churn.generate.dynamics import (
    Signals,
    State,
    Tickets,
    advance,
    hazard,
    initial_state,
)
from churn.generate.population import Flags, Floats, Ints, Population
from churn.generate.settings import MAX_SUBSCRIPTIONS, PERIOD_DAYS, PERIODS, Coefficients

NEVER = 10**6


@dataclass(frozen=True)
class Moment:
    """The state that determines the future of the block, at the end of a period."""

    period: int
    state: State
    hazard: Floats  # each subscription's probability of ending in the next period
    alive: Flags  # subscriptions that have started and not ended


@dataclass(frozen=True)
class Usage:
    """Usage rows in the order of their days, one entry per row."""

    subscription: Ints
    day: Ints
    count: Ints
    errors: Ints


@dataclass(frozen=True)
class Truth:
    """The hidden history. Shape of every array: (subscriptions, periods)."""

    alive: Flags  # alive at the end of the period
    declining: Flags
    level: Floats
    downgraded: Flags
    drop: Floats
    tickets: Ints
    errors: Ints
    dissatisfaction: Floats
    hazard: Floats  # probability of ending in the following period


@dataclass(frozen=True)
class History:
    """One block with its history. `end_day` is NEVER for subscriptions that are still alive."""

    population: Population
    end_day: Ints
    usage: Usage
    tickets: Tickets
    truth: Truth
    moments: dict[int, Moment]


def simulate(
    random: np.random.Generator,
    population: Population,
    coefficients: Coefficients,
    remember: tuple[int, ...] = (),
) -> History:
    """Simulate all periods of the block; keep the moments at the end of those in `remember`."""
    subscriptions = population.subscriptions
    size = len(subscriptions.account)
    state = initial_state(population)
    end_day = np.full(size, NEVER, dtype=np.int64)
    past: list[Signals] = []
    truth: list[dict[str, np.ndarray]] = []
    moments: dict[int, Moment] = {}
    for period in range(PERIODS):
        signals = advance(random, population, state, period)
        chance = hazard(coefficients, population, state, signals)
        next_first_day = (period + 1) * PERIOD_DAYS
        alive = (subscriptions.start_day < next_first_day) & (end_day >= next_first_day)
        past.append(signals)
        truth.append(
            {
                "alive": alive,
                "declining": state.declining[subscriptions.account],
                "level": state.level[subscriptions.account],
                "downgraded": state.downgraded.copy(),
                "drop": signals.drop,
                "tickets": signals.ticket_count,
                "errors": signals.errors,
                "dissatisfaction": signals.dissatisfaction,
                "hazard": chance,
            }
        )
        if period in remember:
            moments[period] = Moment(period, deepcopy(state), chance, alive)
        ends = alive & (random.random(size) < chance)
        leaving_day = next_first_day + random.integers(0, PERIOD_DAYS, size)
        if period + 1 < PERIODS:
            end_day = np.where(ends, leaving_day, end_day)

    return History(
        population=population,
        end_day=end_day,
        usage=_lived_usage(past, population, end_day),
        tickets=_lived_tickets(past, population, end_day),
        truth=Truth(**{key: np.stack([row[key] for row in truth], axis=1) for key in truth[0]}),
        moments=moments,
    )


def _lived_usage(past: list[Signals], population: Population, end_day: Ints) -> Usage:
    """The usage rows within their subscription's life, by day, then subscription."""
    day = np.concatenate([signals.usage_day for signals in past], axis=1)
    count = np.concatenate([signals.usage_count for signals in past], axis=1)
    errors = np.concatenate([signals.error_count for signals in past], axis=1)
    subscription, slot = np.nonzero((count > 0) & (day <= end_day[:, None]))
    order = np.lexsort((subscription, day[subscription, slot]))
    subscription, slot = subscription[order], slot[order]
    return Usage(
        subscription=subscription,
        day=day[subscription, slot],
        count=count[subscription, slot],
        errors=errors[subscription, slot],
    )


def _lived_tickets(past: list[Signals], population: Population, end_day: Ints) -> Tickets:
    """The tickets of accounts with a live subscription on that day, in order of time."""
    columns = {
        field.name: np.concatenate([getattr(signals.tickets, field.name) for signals in past])
        for field in fields(Tickets)
    }
    live = _is_live(population, end_day, columns["account"], columns["day"])
    order = np.lexsort((columns["account"], columns["second"], columns["day"]))
    order = order[live[order]]
    return Tickets(**{name: values[order] for name, values in columns.items()})


def _is_live(population: Population, end_day: Ints, account: Ints, day: Ints) -> Flags:
    """Whether each account has a live subscription on the given day."""
    subscriptions = population.subscriptions
    first = np.searchsorted(subscriptions.account, account)
    live = np.zeros(len(account), dtype=np.bool_)
    for ordinal in range(MAX_SUBSCRIPTIONS):
        candidate = np.minimum(first + ordinal, len(subscriptions.account) - 1)
        live |= (
            (subscriptions.account[candidate] == account)
            & (subscriptions.start_day[candidate] <= day)
            & (end_day[candidate] >= day)
        )
    return live
