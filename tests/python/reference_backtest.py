"""The backtest once more, in Python: what the SQL is compared with.

Written from the definitions of its figures, never from the macros; scikit-learn gives the AUC.
"""

import hashlib
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

REPLICATES = 200
LABELS = ("subscription_ended", "account_churned")
GROUPS = {"high": ("High",), "medium_or_above": ("High", "Medium")}

Figures = dict[str, Any]
Interval = tuple[float | None, float | None]


@dataclass(frozen=True)
class Scored:
    """A customer active on a date: its score then, and when it left within the horizon."""

    as_of_date: date
    customer_id: str
    account_id: str
    ended_on: date | None
    account_churned_on: date | None
    risk_score: int
    risk_level: str

    def left_on(self, label: str) -> date | None:
        return {"subscription_ended": self.ended_on, "account_churned": self.account_churned_on}[
            label
        ]


@dataclass(frozen=True)
class Judged:
    """A customer active on a date: which rules fired then, and when it left within the horizon."""

    account_id: str
    fired: frozenset[str]
    ended_on: date | None
    account_churned_on: date | None


# ------------------------------------------------------------------------------ the bootstrap
def poisson_limits() -> list[Fraction]:
    """2^32 times the probability that Poisson(1) is at most 0, 1, 2, ..."""
    one_in_e = sum(Fraction((-1) ** n, math.factorial(n)) for n in range(60))
    limits, cumulated = [], Fraction(0)
    for count in range(20):
        cumulated += one_in_e / math.factorial(count)
        limits.append(cumulated * 2**32)
    return limits


LIMITS = poisson_limits()


@cache
def weights(account_id: str) -> tuple[int, ...]:
    """How often each replicate draws the account."""
    hashes = (
        hashlib.md5(f"{account_id}|{replicate}".encode()).hexdigest()
        for replicate in range(REPLICATES)
    )
    return tuple(bisect_right(LIMITS, int(digits[:8], 16)) for digits in hashes)


def weights_of(rows: Iterable[Scored | Judged]) -> NDArray[np.float64]:
    """One row a row, one column a replicate."""
    return np.array([weights(row.account_id) for row in rows], dtype=float).reshape(-1, REPLICATES)


def interval(replicates: NDArray[np.float64]) -> Interval:
    """The middle 95%, of 200 the 5th and the 196th; replicates without a figure do not count."""
    known = np.sort(replicates[~np.isnan(replicates)])
    if not len(known):
        return None, None
    place = math.ceil(len(known) * 0.025)
    return known[place - 1], known[len(known) - place]


def proper_interval(replicates: NDArray[np.float64]) -> Interval:
    """None where it would be a point: too few accounts to tell."""
    low, high = interval(np.round(replicates, 6))
    return (None, None) if low == high else (low, high)


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Part / whole, not a number where the whole is 0."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)


# ------------------------------------------------------------------------------ the AUC
def auc(rows: Sequence[Scored], label: str) -> float | None:
    left = [row.left_on(label) is not None for row in rows]
    if all(left) or not any(left):
        return None
    return float(roc_auc_score(left, [row.risk_score for row in rows]))


def auc_replicates(rows: Sequence[Scored], label: str) -> NDArray[np.float64]:
    """The share of the weighted pairs in which who left scores higher, ties half."""
    left = np.array([row.left_on(label) is not None for row in rows])
    score = np.array([row.risk_score for row in rows])
    weight = weights_of(rows)
    above = np.greater.outer(score[left], score[~left]) * 1.0
    above += np.equal.outer(score[left], score[~left]) * 0.5
    won = ((above @ weight[~left]) * weight[left]).sum(axis=0)
    return ratio(won, weight[left].sum(axis=0) * weight[~left].sum(axis=0))


def mean_by_column(dates: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The unweighted mean over the dates that have the figure, replicate by replicate."""
    stacked = np.array(dates)
    known = ~np.isnan(stacked)
    return ratio(np.where(known, stacked, 0).sum(axis=0), known.sum(axis=0).astype(float))


# ------------------------------------------------------------------------------ whom it named
def share(part: Fraction | int, whole: Fraction | int) -> Fraction | None:
    return Fraction(part) / Fraction(whole) if whole else None


@dataclass
class Hits:
    """Customers and churners, in all and of each group named."""

    customers: Fraction | int = 0
    churners: Fraction | int = 0

    def __add__(self, other: "Hits") -> "Hits":
        return Hits(self.customers + other.customers, self.churners + other.churners)


def top_decile(rows: Sequence[Scored], label: str) -> Hits:
    """A tenth of the customers, by score; those of one score share the last places."""
    by_score = defaultdict(list)
    for row in rows:
        by_score[row.risk_score].append(row)
    places, churners = Fraction(len(rows), 10), Fraction(0)
    for score in sorted(by_score, reverse=True):
        tied = by_score[score]
        taken = min(places, Fraction(len(tied)))
        churners += taken * sum(row.left_on(label) is not None for row in tied) / len(tied)
        places -= taken
    return Hits(Fraction(len(rows), 10), churners)


def hits(rows: Sequence[Scored], label: str) -> dict[str, Hits]:
    def of(named: Sequence[Scored]) -> Hits:
        return Hits(len(named), sum(row.left_on(label) is not None for row in named))

    return {
        "all": of(rows),
        **{
            group: of([row for row in rows if row.risk_level in levels])
            for group, levels in GROUPS.items()
        },
        "top_decile": top_decile(rows, label),
    }


def rates(found: dict[str, Hits]) -> Figures:
    everybody = found["all"]
    base_rate = share(everybody.churners, everybody.customers)
    figures: Figures = {
        "customers": everybody.customers,
        "churners": everybody.churners,
        "base_rate": base_rate,
    }
    for group in (*GROUPS, "top_decile"):
        named = found[group]
        precision = share(named.churners, named.customers)
        figures[f"precision_{group}"] = precision
        figures[f"recall_{group}"] = share(named.churners, everybody.churners)
        figures[f"lift_{group}"] = precision / base_rate if base_rate and named.customers else None
    return figures


def leads(rows: Sequence[Scored], label: str) -> dict[tuple[date, str], int]:
    """Days from the first flag to the churn, by date and customer that had been flagged by then.

    A flag on a date whose horizon does not hold this churn was no warning of it.
    """
    flags = defaultdict(list)
    for row in rows:
        if row.left_on(label) and row.risk_level != "Low":
            flags[row.customer_id, row.left_on(label)].append(row.as_of_date)
    found = {}
    for row in rows:
        left = row.left_on(label)
        earlier = [day for day in flags[row.customer_id, left] if day <= row.as_of_date]
        if left and earlier:
            found[row.as_of_date, row.customer_id] = (left - min(earlier)).days
    return found


# ------------------------------------------------------------------------------ the marts
def by_date(rows: Sequence[Scored]) -> dict[date, list[Scored]]:
    found = defaultdict(list)
    for row in rows:
        found[row.as_of_date].append(row)
    return dict(sorted(found.items()))


def backtest(rows: Sequence[Scored], label: str) -> dict[date, Figures]:
    """`risk_backtest` of one set of scores."""
    all_leads = leads(rows, label)
    found = {}
    for day, of_day in by_date(rows).items():
        named = hits(of_day, label)
        low, high = interval(auc_replicates(of_day, label))
        days = [lead for (at, _), lead in all_leads.items() if at == day]
        found[day] = {
            "horizon_end": day + timedelta(90),
            "customers_high": named["high"].customers,
            "customers_medium_or_above": named["medium_or_above"].customers,
            "auc": auc(of_day, label),
            "auc_low": low,
            "auc_high": high,
            **rates(named),
            "median_lead_days": median(days) if days else None,
        }
    return found


def pooled(rows: Sequence[Scored], label: str) -> Figures:
    """`backtest_verdicts` of one set of scores, without the verdict."""
    days = by_date(rows)
    named = defaultdict(Hits)
    for of_day in days.values():
        for group, found in hits(of_day, label).items():
            named[group] = named[group] + found
    aucs = [value for of_day in days.values() if (value := auc(of_day, label)) is not None]
    low, high = interval(mean_by_column([auc_replicates(day, label) for day in days.values()]))
    longest: dict[tuple[str, date | None], int] = defaultdict(int)
    all_leads = leads(rows, label)
    for row in rows:
        if lead := all_leads.get((row.as_of_date, row.customer_id)):
            churn = row.customer_id, row.left_on(label)
            longest[churn] = max(longest[churn], lead)
    return {
        "first_date": min(days),
        "last_date": max(days),
        "dates": len(days),
        "churned_customers": len({row.customer_id for row in rows if row.left_on(label)}),
        "churned_accounts": len({row.account_id for row in rows if row.left_on(label)}),
        "auc": sum(aucs) / len(aucs) if aucs else None,
        "auc_low": low,
        "auc_high": high,
        **rates(named),
        "median_lead_days": median(longest.values()) if longest else None,
    }


def calibration(rows: Sequence[Scored], label: str) -> dict[int, Figures]:
    """`risk_calibration` of one set of scores, by the lowest score of the band."""
    found = {}
    for start in range(0, 100, 10):
        end = 100 if start == 90 else start + 9
        band = [row for row in rows if start <= row.risk_score <= end]
        if not band:
            continue
        left = np.array([row.left_on(label) is not None for row in band])
        weight = weights_of(band)
        low, high = proper_interval(ratio(weight[left].sum(axis=0), weight.sum(axis=0)))
        found[start] = {
            "score_band": f"{start}–{end}",
            "score_to": end,
            "customers": len(band),
            "churners": int(left.sum()),
            "churn_rate": share(int(left.sum()), len(band)),
            "churn_rate_low": low,
            "churn_rate_high": high,
        }
    return found


def rule_figures(rows: Sequence[Judged], rule_id: str, label: str) -> Figures:
    """`risk_backtest_by_rule` of one rule and label."""
    left_on: Callable[[Judged], date | None] = {
        "subscription_ended": lambda row: row.ended_on,
        "account_churned": lambda row: row.account_churned_on,
    }[label]
    left = np.array([left_on(row) is not None for row in rows], dtype=bool)
    fired = np.array([rule_id in row.fired for row in rows], dtype=bool)
    weight = weights_of(rows)
    low, high = proper_interval(
        ratio(
            ratio(weight[fired & left].sum(axis=0), weight[fired].sum(axis=0)),
            ratio(weight[left].sum(axis=0), weight.sum(axis=0)),
        )
    )
    rate = share(int((fired & left).sum()), int(fired.sum()))
    base_rate = share(int(left.sum()), len(rows))
    return {
        "customers": len(rows),
        "churners": int(left.sum()),
        "customers_fired": int(fired.sum()),
        "churners_fired": int((fired & left).sum()),
        "churn_rate_fired": rate,
        "churn_rate_not_fired": share(int((~fired & left).sum()), int((~fired).sum())),
        "lift": rate / base_rate if base_rate and rate is not None else None,
        "lift_low": low,
        "lift_high": high,
    }
