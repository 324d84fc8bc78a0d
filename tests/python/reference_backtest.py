"""An independent backtest in Python, as a reference for the SQL.

It follows the definitions of the figures, never the macros. scikit-learn computes the AUC.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import chain
from statistics import NormalDist, median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

LABELS = ("subscription_ended", "account_churned")
GROUPS = {"high": ("High",), "medium_or_above": ("High", "Medium")}

Figures = dict[str, Any]
Interval = tuple[float | None, float | None]


@dataclass(frozen=True)
class Scored:
    """A customer active on a date: its score then, and the day it left within the horizon."""

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
    """A customer active on a date: the rules that fired, and the day it left within the horizon."""

    account_id: str
    fired: frozenset[str]
    ended_on: date | None
    account_churned_on: date | None


# ------------------------------------------------------------------------------ the intervals
def margin_of_error(
    rows: Iterable[Scored | Judged], influences: Iterable[float], accounts: int | None = None
) -> float | None:
    """Return half the width of the 95% interval of a figure, from the influence of each row.

    It is None for a figure that rests on fewer than two accounts.
    """
    of_account: dict[str, float] = defaultdict(float)
    for row, value in zip(rows, influences, strict=True):
        of_account[row.account_id] += value
    count = len(of_account) if accounts is None else accounts
    if count < 2:
        return None
    variance = count / (count - 1) * sum(value**2 for value in of_account.values())
    return t_quantile(count - 1) * math.sqrt(variance)


def t_quantile(degrees: int) -> float:
    """Use the first three terms of Abramowitz and Stegun 26.7.5."""
    exact = {1: 12.706205, 2: 4.302653, 3: 3.182446}
    if degrees in exact:
        return exact[degrees]
    z = NormalDist().inv_cdf(0.975)
    return (
        z
        + (z**3 + z) / 4 / degrees
        + (5 * z**5 + 16 * z**3 + 3 * z) / 96 / degrees**2
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384 / degrees**3
    )


def share_interval(share: float, margin: float | None) -> Interval:
    """Return the interval on the logit scale, or None if it has no width."""
    if not 0 < share < 1 or not margin or margin < 1e-9:
        return None, None
    width, logit = margin / (share * (1 - share)), math.log(share / (1 - share))
    return 1 / (1 + math.exp(width - logit)), 1 / (1 + math.exp(-width - logit))


def auc_interval(value: float, margin: float | None) -> Interval:
    """Return the interval, or the AUC itself on both sides if nothing varies."""
    return (value, value) if margin is not None and margin < 1e-9 else share_interval(value, margin)


# ------------------------------------------------------------------------------ the AUC
def auc(rows: Sequence[Scored], label: str) -> float | None:
    left = [row.left_on(label) is not None for row in rows]
    if all(left) or not any(left):
        return None
    return float(roc_auc_score(left, [row.risk_score for row in rows]))


def auc_influences(rows: Sequence[Scored], label: str) -> NDArray[np.float64]:
    """Return each customer's influence on the AUC: its placement in the opposite group."""
    left = np.array([row.left_on(label) is not None for row in rows])
    score = np.array([row.risk_score for row in rows])
    above = np.greater.outer(score[left], score[~left]) * 1.0
    above += np.equal.outer(score[left], score[~left]) * 0.5
    found = np.empty(len(rows))
    found[left] = (above.mean(axis=1) - above.mean()) / left.sum()
    found[~left] = (above.mean(axis=0) - above.mean()) / (~left).sum()
    return found


# ------------------------------------------------------------------------------ flagged customers
def share(part: Fraction | int, whole: Fraction | int) -> Fraction | None:
    return Fraction(part) / Fraction(whole) if whole else None


@dataclass
class Hits:
    """Numbers of customers and churners, in total or in a flagged group."""

    customers: Fraction | int = 0
    churners: Fraction | int = 0

    def __add__(self, other: "Hits") -> "Hits":
        return Hits(self.customers + other.customers, self.churners + other.churners)


def top_decile(rows: Sequence[Scored], label: str) -> Hits:
    """Return a tenth of the customers, by score; tied customers share the last places."""
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
    """Return the days from the first flag to the churn, by date and customer flagged by then.

    A flag on a date does not count as a warning if the churn lies beyond that date's horizon.
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
    """Return the rows of `risk_backtest` for one set of scores."""
    all_leads = leads(rows, label)
    found = {}
    for day, of_day in by_date(rows).items():
        named = hits(of_day, label)
        value = auc(of_day, label)
        low, high = None, None
        if value is not None:
            margin = margin_of_error(of_day, auc_influences(of_day, label))
            low, high = auc_interval(value, margin)
        days = [lead for (at, _), lead in all_leads.items() if at == day]
        found[day] = {
            "horizon_end": day + timedelta(90),
            "customers_high": named["high"].customers,
            "customers_medium_or_above": named["medium_or_above"].customers,
            "auc": value,
            "auc_low": low,
            "auc_high": high,
            **rates(named),
            "median_lead_days": median(days) if days else None,
        }
    return found


def pooled(rows: Sequence[Scored], label: str) -> Figures:
    """Return the row of `backtest_verdicts` for one set of scores, without the verdict."""
    days = by_date(rows)
    named = defaultdict(Hits)
    for of_day in days.values():
        for group, found in hits(of_day, label).items():
            named[group] = named[group] + found
    with_auc = [of_day for of_day in days.values() if auc(of_day, label) is not None]
    mean, low, high = None, None, None
    if with_auc:
        mean = sum(auc(of_day, label) or 0 for of_day in with_auc) / len(with_auc)
        margin = margin_of_error(
            chain.from_iterable(with_auc),
            np.concatenate([auc_influences(of_day, label) for of_day in with_auc]) / len(with_auc),
        )
        low, high = auc_interval(mean, margin)
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
        "auc": mean,
        "auc_low": low,
        "auc_high": high,
        **rates(named),
        "median_lead_days": median(longest.values()) if longest else None,
    }


def calibration(rows: Sequence[Scored], label: str) -> dict[int, Figures]:
    """Return the rows of `risk_calibration` for one set of scores, by the band's lowest score."""
    found = {}
    for start in range(0, 100, 10):
        end = 100 if start == 90 else start + 9
        band = [row for row in rows if start <= row.risk_score <= end]
        if not band:
            continue
        left = np.array([row.left_on(label) is not None for row in band])
        margin = margin_of_error(band, (left - left.mean()) / len(band))
        low, high = share_interval(left.mean(), margin)
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


def lift_interval(
    rows: Sequence[Judged], fired: NDArray[np.bool_], left: NDArray[np.bool_]
) -> Interval:
    """Return the interval on the log scale, or None if it has no width."""
    if not (fired & left).any():
        return None, None
    rate, base_rate = left[fired].mean(), left.mean()
    of_rate = np.where(fired, left - rate, 0) / fired.sum() / rate
    of_base_rate = (left - base_rate) / len(rows) / base_rate
    accounts = len({row.account_id for row, is_fired in zip(rows, fired, strict=True) if is_fired})
    margin = margin_of_error(rows, of_rate - of_base_rate, accounts)
    if not margin or margin < 1e-9:
        return None, None
    factor = math.exp(margin)
    return rate / base_rate / factor, rate / base_rate * factor


def rule_figures(rows: Sequence[Judged], rule_id: str, label: str) -> Figures:
    """Return the row of `risk_backtest_by_rule` for one rule and label."""
    left_on: Callable[[Judged], date | None] = {
        "subscription_ended": lambda row: row.ended_on,
        "account_churned": lambda row: row.account_churned_on,
    }[label]
    left = np.array([left_on(row) is not None for row in rows], dtype=bool)
    fired = np.array([rule_id in row.fired for row in rows], dtype=bool)
    low, high = lift_interval(rows, fired, left)
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
