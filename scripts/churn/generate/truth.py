"""The hidden truth, written apart from the tables to the folder `truth`.

No file name here ends in a table name, so that no loader mistakes a file for a table.
"""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from churn.generate import dynamics
from churn.generate.history import NEVER, History
from churn.generate.messages import Messages
from churn.generate.oracle import Auc
from churn.generate.phrases import TOPICS
from churn.generate.population import Floats
from churn.generate.settings import (
    HISTORY_DAYS,
    HORIZON_PERIODS,
    PERIOD_DAYS,
    PERIODS,
    Request,
)
from churn.generate.tables import account_ids, days, subscription_ids

# The oracle predicts at the end of these periods: 90 days before the last day, and on it.
JUDGED_PERIOD = PERIODS - 1 - HORIZON_PERIODS
LAST_PERIOD = PERIODS - 1

RESCUE_PERIODS = 6  # healthy now, but declining in at least two of this many earlier periods


def truth_tables(
    request: Request,
    history: History,
    messages: Messages,
    tickets: pa.Table,
    chances: dict[int, Floats],
) -> dict[str, pa.Table]:
    """Return the truth of one block; `chances` are the oracle's probabilities by period."""
    return {
        "company_stories": _story_table(history),
        "hidden_states": _state_table(request, history),
        "message_labels": _label_table(history, messages, tickets),
        "churn_chances": _chance_table(request, history, chances),
    }


def _story_table(history: History) -> pa.Table:
    """One row per account: its hidden traits, and its story on the last day."""
    accounts = history.population.accounts
    return pa.table(
        {
            "account_id": account_ids(history),
            "story": pa.array(_stories(history)),
            "friction": pa.array(accounts.friction),
            "decline_rate": pa.array(accounts.decline_rate),
            "abandons": pa.array(accounts.abandons),
        }
    )


def _stories(history: History) -> list[str]:
    """The first true one of: ended, trial, new, silent, declining, rescued, healthy."""
    population, truth = history.population, history.truth
    subscriptions = population.subscriptions
    count = len(population.first_start)
    alive = history.end_day == NEVER

    def any_of(condition: np.ndarray) -> np.ndarray:
        return np.bincount(subscriptions.account[condition], minlength=count) > 0

    first = np.searchsorted(subscriptions.account, np.arange(count))
    declining = truth.declining[first] & (
        np.arange(PERIODS) * PERIOD_DAYS >= population.first_start[:, None]
    )
    recent = declining[:, -1 - RESCUE_PERIODS : -1].sum(axis=1)
    story = np.select(
        [
            ~any_of(alive),
            ~any_of(alive & ~subscriptions.is_trial),
            population.first_start >= HISTORY_DAYS - PERIOD_DAYS,
            ~any_of(alive & (subscriptions.abandoned_day > HISTORY_DAYS)),
            declining[:, -1],
            recent >= 2,
        ],
        ["ended", "trial", "new", "silent", "declining", "rescued"],
        "healthy",
    )
    names: list[str] = story.tolist()
    return names


def _state_table(request: Request, history: History) -> pa.Table:
    """One row per customer and period, if the customer was alive at the period's end."""
    truth = history.truth
    customer, period = np.nonzero(truth.alive)
    columns: dict[str, Any] = {
        "customer_id": subscription_ids(history).take(pa.array(customer)),
        "period_end": days(request, (period + 1) * PERIOD_DAYS - 1),
        "is_declining": truth.declining,
        "usage_level": np.round(np.exp(truth.level), 4),
        "usage_drop": np.round(truth.drop, 4),
        "tickets": truth.tickets,
        "errors": truth.errors,
        "dissatisfaction": np.round(truth.dissatisfaction, 4),
        "is_downgraded": truth.downgraded,
        "hazard": np.round(truth.hazard, 6),
    }
    return pa.table(
        {
            name: pa.array(values[customer, period]) if isinstance(values, np.ndarray) else values
            for name, values in columns.items()
        }
    )


def _label_table(history: History, messages: Messages, tickets: pa.Table) -> pa.Table:
    """One row per ticket with a message: its topic, and whether it announces a cancellation."""
    present = messages.present
    topic = messages.topic[present]
    return pa.table(
        {
            "ticket_id": tickets["ticket_id"].filter(pa.array(present)),
            "topic": pa.array(TOPICS).take(pa.array(topic)),
            "is_cancellation": pa.array(topic == TOPICS.index("cancellation")),
            "account_is_declining": pa.array(history.tickets.declining[present]),
        }
    )


def _chance_table(request: Request, history: History, chances: dict[int, Floats]) -> pa.Table:
    """One row per live customer and date: the 90-day churn probability, and whether it ended.

    `ended` is null on the last day, because its future was not simulated.
    """
    parts = []
    for period, chance in chances.items():
        alive = np.nonzero(history.moments[period].alive)[0]
        last = np.full(len(alive), (period + 1) * PERIOD_DAYS - 1)
        known = period + HORIZON_PERIODS < PERIODS
        parts.append(
            pa.table(
                {
                    "customer_id": subscription_ids(history).take(pa.array(alive)),
                    "as_of_date": days(request, last),
                    "chance_90d": pa.array(np.round(chance, 6)),
                    "ended": pa.array(
                        history.end_day[alive] < NEVER, mask=np.full(len(alive), not known)
                    ),
                }
            )
        )
    return pa.concat_tables(parts)


def model_facts(request: Request, auc: Auc | None) -> dict[str, Any]:
    """Return the configured causes, for `truth/model.json`."""
    return {
        "coefficients": asdict(request.coefficients),
        "period_days": PERIOD_DAYS,
        "periods": PERIODS,
        "horizon_days": HORIZON_PERIODS * PERIOD_DAYS,
        "oracle_as_of_date": (
            request.until - timedelta(days=HORIZON_PERIODS * PERIOD_DAYS)
        ).isoformat(),
        "oracle_auc": asdict(auc) if auc else None,
        "stays_healthy": dynamics.STAYS_HEALTHY,
        "stays_declining": dynamics.STAYS_DECLINING,
        "rough_last_period": {
            "onset": dynamics.ROUGH_ONSET,
            "fall": dynamics.ROUGH_FALL,
            "signals": dynamics.ROUGH_SIGNALS,
        },
    }
