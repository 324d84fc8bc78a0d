"""Figures of rules as people say them: 63.2%, 3 tickets, yes, not known."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from churn.warehouse import Row

NOT_KNOWN = "not known"
_TENTH = Decimal("0.1")


def value(amount: Decimal | None, unit: str) -> str:
    """What a rule saw."""
    if amount is None:
        return NOT_KNOWN
    if unit == "yes or no":
        return "yes" if amount else "no"
    if unit == "drop":
        # cut, not rounded: what has not reached 60% never reads as 60%
        percent = (abs(amount) * 100).quantize(_TENTH, ROUND_FLOOR)
        return f"{'grew' if amount < 0 else 'fell'} {_number(percent)}%"
    return counted(amount, unit)


def condition(rule: Row) -> str:
    """From where on the band of the rule holds, or would hold."""
    limit, unit = rule["band_threshold"], rule["signal_unit"]
    if rule["band_operator"] == "between":
        return str(rule["band_condition"]).removeprefix(f"{rule['signal_name']} ")
    return _held(rule["band_operator"], limit, unit)


def distance(rule: Row) -> str:
    """How far a rule that fired is from its next band, and one that did not from firing."""
    gap, unit = rule["gap_to_next_band"], rule["signal_unit"]
    if gap is None:
        if rule["signal_value"] is None:
            return "not known is not zero: cannot fire"
        return "did not fire" if not rule["fired"] else "no higher band"
    if not rule["fired"]:
        return _missed(gap, unit, rule["band_operator"])
    step = _step(gap, unit)
    way = "more" if rule["next_operator"] == "at_least" else "lower"
    ahead = step if unit == "yes or no" else f"{step} {way}"
    return f"{ahead}: {rule['next_points']} points"


def counted(amount: Decimal | int, unit: str) -> str:
    """So many of what the unit is the plural of."""
    one = amount == 1 and unit.endswith("s")
    return f"{_number(amount)} {unit.removesuffix('s') if one else unit}"


def _missed(gap: Decimal, unit: str, operator: str) -> str:
    if unit == "yes or no":
        return "did not fire"
    return f"{_step(gap, unit)} {'short' if operator == 'at_least' else 'too high'}"


def _step(gap: Decimal, unit: str) -> str:
    if unit == "drop":
        # what is left of a way is never less than it is
        return f"{_number((gap * 100).quantize(_TENTH, ROUND_CEILING))} percentage points"
    if unit == "of 5":
        return _number(gap)
    return counted(gap, unit)


def _held(operator: str, limit: Decimal, unit: str) -> str:
    if unit == "yes or no":
        return "yes" if limit else "no"
    number = f"{_number(limit * 100)}%" if unit == "drop" else _number(limit)
    if operator == "equals":
        return number
    return f"{number} or {'more' if operator == 'at_least' else 'lower'}"


def _number(amount: Decimal | int) -> str:
    """With commas, and with no more digits after the point than it needs."""
    whole = math.floor(amount)
    return f"{whole:,}" if amount == whole else f"{Decimal(amount).normalize():,f}"
