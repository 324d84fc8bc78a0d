"""The oracle: the churn probabilities from the true state, as the best possible prediction."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from churn.generate.dynamics import State, advance, hazard
from churn.generate.history import Moment
from churn.generate.population import Flags, Floats, Population
from churn.generate.settings import HORIZON_PERIODS, Coefficients

FUTURES = 60


@dataclass(frozen=True)
class Auc:
    """An area under the ROC curve with its 95% confidence interval (Hanley and McNeil 1982)."""

    value: float
    low: float
    high: float
    positives: int
    negatives: int


def churn_probability(
    random: np.random.Generator,
    population: Population,
    coefficients: Coefficients,
    moment: Moment,
    futures: int = FUTURES,
) -> Floats:
    """Return each live subscription's probability of ending within three periods after `moment`.

    The hazard of the first period is known; later ones are averaged over simulated futures.
    Shape: (subscriptions alive at the moment,).
    """
    alive = moment.alive
    copies = population.copies(alive, futures)
    state = State(
        declining=np.tile(moment.state.declining, futures),
        level=np.tile(moment.state.level, futures),
        downgraded=np.tile(moment.state.downgraded[alive], futures),
        last_usage=np.tile(moment.state.last_usage[alive], futures),
    )
    stays = np.tile(1 - moment.hazard[alive], futures)
    for ahead in range(1, HORIZON_PERIODS):
        signals = advance(random, copies, state, moment.period + ahead, slots=1)
        stays *= 1 - hazard(coefficients, copies, state, signals)
    chance: Floats = 1 - stays.reshape(futures, -1).mean(axis=0)
    return chance


def area_under_curve(score: Floats, positive: Flags) -> Auc | None:
    """Return how often a positive scores above a negative; ties count half. None without both."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    area = (rank[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (
        area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    ) / (positives * negatives)
    margin = 1.96 * sqrt(max(variance, 0))
    return Auc(float(area), float(area - margin), float(area + margin), positives, negatives)
