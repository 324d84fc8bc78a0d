"""Looks up customers in the warehouse, unless a build holds it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from churn.project import Project
from churn.terminal.errors import InputError
from churn.warehouse import Row, Warehouse, WarehouseInUse, reading
from churn.warehouse.customer_ids import FORM, look_of, shown_id

_KNOWN = """
    select customer_id, account_id, usage_window_end as as_of_date
    from marts.customer_risk
    where customer_id in (select unnest($ids))
"""
_OF_ACCOUNT = """
    select customer_id, risk_level, is_active
    from marts.customer_risk
    where account_id = $id
    order by is_active desc, risk_score desc, customer_id
    limit $rows + 1
"""
# a typing error is one or two edits: an extra, missing or wrong letter, or two swapped letters
_CLOSEST = """
    select customer_id, damerau_levenshtein(lower(customer_id), lower($id)) as edits
    from marts.customer_risk
    where edits <= greatest(1, least(3, length($id) // 3))
    order by edits, customer_id
    limit 3
"""
_EVERY_ID = "select customer_id from marts.customer_risk order by customer_id"
_CUSTOMERS_SHOWN = 10
_ALIKE_SHOWN = 5
# comparing a very long text with every id would be slow
_LONGEST_ID = 100
_EXPLAINED = 20


@dataclass(frozen=True)
class Customer:
    """A customer of the last build. Both fields are None while a build holds the warehouse."""

    account_id: str | None = None
    as_of_date: date | None = None

    @property
    def was_checked(self) -> bool:
        """Whether the warehouse could be queried."""
        return self.as_of_date is not None


@dataclass(frozen=True)
class Customers:
    """The result of looking up customers.

    Attributes:
        known: id -> customer.
        unknown: id -> why it was not found.
        were_checked: False while a build holds the warehouse; then every id counts as known.
    """

    known: Mapping[str, Customer]
    unknown: Mapping[str, str]
    were_checked: bool = True


def look_up(project: Project, ids: Collection[str]) -> Customers:
    """Look these ids up in the warehouse.

    Raises:
        InputError: nothing has been built yet.
        ChurnError: the warehouse cannot be read, for another reason than being in use.
    """
    try:
        with reading(project) as warehouse:
            rows = warehouse.select(_KNOWN, ids=list(ids))
            known = {row.pop("customer_id"): Customer(**row) for row in rows}
            missing = [each for each in dict.fromkeys(ids) if each not in known]
            read = warehouse.read_from() if missing else ""
            is_none = f"is no customer of the last build, which read {read}."
            unknown = dict.fromkeys(missing, is_none)
            for each in missing[:_EXPLAINED]:
                unknown[each] = _why_unknown(warehouse, each, is_none)
            # look-alikes take precedence: an outcome must not go to the wrong customer
            for each, alike in _alike(warehouse, missing).items():
                unknown[each] = looks_like("is no customer of the last build", alike)
            return Customers(known, unknown)
    except WarehouseInUse:
        return Customers({each: Customer() for each in ids}, {}, were_checked=False)


def look_up_one(project: Project, customer_id: str) -> Customer:
    """Look up one customer.

    Raises:
        InputError: there is no such customer (the message suggests similar ids), or nothing has
            been built yet.
        ChurnError: see `look_up`.
    """
    found = look_up(project, [customer_id])
    if customer_id in found.unknown:
        raise InputError(
            f"{shown_id(customer_id, _LONGEST_ID) or 'Nothing'} {found.unknown[customer_id]}"
        )
    return found.known[customer_id]


def looks_like(what: str, alike: Sequence[str]) -> str:
    """Return the end of a sentence that begins with the given id and asks which one was meant."""
    shown = [shown_id(each) for each in alike[:_ALIKE_SHOWN]]
    more = " and others" if len(alike) > len(shown) else ""
    form = f" {FORM}" if any(each.startswith("$'") for each in shown) else ""
    return f"{what}, but looks like {', '.join(shown)}{more}. Give the one you mean exactly.{form}"


def _alike(warehouse: Warehouse, missing: Collection[str]) -> dict[str, list[str]]:
    """Map each id that looks like existing customer ids to those ids."""
    found: dict[str, list[str]] = {look_of(each): [] for each in missing if look_of(each)}
    if found:
        for batch in warehouse.table(_EVERY_ID).to_batches():
            for customer_id in batch.column(0).to_pylist():
                if (look := look_of(customer_id)) in found:
                    found[look].append(customer_id)
    return {each: alike for each in missing if (alike := found.get(look_of(each)))}


def _why_unknown(warehouse: Warehouse, given: str, is_none: str) -> str:
    """Return the end of a sentence that begins with the given id; `is_none` is the default."""
    if rows := warehouse.select(_OF_ACCOUNT, id=given, rows=_CUSTOMERS_SHOWN):
        first = rows[:_CUSTOMERS_SHOWN]
        shown = ", ".join(f"{shown_id(row['customer_id'])} ({_standing(row)})" for row in first)
        more = " and more" if len(rows) > len(first) else ""
        return f"is an account. Name one of its customers: {shown}{more}."
    close = warehouse.select(_CLOSEST, id=given) if 0 < len(given) <= _LONGEST_ID else []
    shown = ", ".join(shown_id(row["customer_id"]) for row in close)
    hint = f" Close to it: {shown}." if close else ""
    return f"{is_none}{hint}"


def _standing(row: Row) -> str:
    return str(row["risk_level"]) if row["is_active"] else "ended"
