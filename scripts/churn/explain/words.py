"""Formats figures of rules for people: 63.2%, 3 tickets, yes, not known."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from churn.warehouse import Row

NOT_KNOWN = "not known"
_TENTH = Decimal("0.1")


def value(amount: Decimal | None, unit: str) -> str:
    """Format the value of a rule's signal."""
    if amount is None:
        return NOT_KNOWN
    if unit == "yes or no":
        return "yes" if amount else "no"
    if unit == "drop":
        # round down, so that a value below 60% never reads as 60%
        percent = (abs(amount) * 100).quantize(_TENTH, ROUND_FLOOR)
        return f"{'grew' if amount < 0 else 'fell'} {_number(percent)}%"
    return counted(amount, unit)


def condition(rule: Row) -> str:
    """Describe the threshold from which the rule's band fires."""
    limit, unit = rule["band_threshold"], rule["signal_unit"]
    if rule["band_operator"] == "between":
        return str(rule["band_condition"]).removeprefix(f"{rule['signal_name']} ")
    return _held(rule["band_operator"], limit, unit)


def distance(rule: Row) -> str:
    """Describe the distance to the next band if the rule fired, else to firing."""
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
    """Format an amount with its unit, which is given in the plural."""
    one = amount == 1 and unit.endswith("s")
    return f"{_number(amount)} {unit.removesuffix('s') if one else unit}"


def _missed(gap: Decimal, unit: str, operator: str) -> str:
    if unit == "yes or no":
        return "did not fire"
    return f"{_step(gap, unit)} {'short' if operator == 'at_least' else 'too high'}"


def _step(gap: Decimal, unit: str) -> str:
    if unit == "drop":
        # round up, so that the remaining distance is never understated
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
    """Format with thousands separators and without trailing zeros."""
    whole = math.floor(amount)
    return f"{whole:,}" if amount == whole else f"{Decimal(amount).normalize():,f}"
