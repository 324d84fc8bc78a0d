"""Implements the `churn outcome` commands, after their options are parsed."""

import getpass
import os
from datetime import date
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from churn.outcomes.customers import Customer, look_up, look_up_one, looks_like
from churn.outcomes.log import (
    NAME_LENGTH,
    Entries,
    Entry,
    OutcomeLog,
    day,
    free_text,
    one_line,
    outcome,
    short,
    today,
)
from churn.project import Project
from churn.terminal import plain, plain_text
from churn.terminal.errors import InputError
from churn.warehouse.customer_ids import look_of, shown_id, staged_id

_NOTE_SHOWN = 300
_ID_SHOWN = 60
_UNCHECKED = (
    "The warehouse is being built or is open elsewhere, so the customer's id was taken as it is. "
    "The next build lists ids that no customer has."
)
_COUNTED = (
    "marts.false_alarms counts it from the next build on. The score stays, and the customer on the "
    "list: to put it last there, snooze it."
)
_SHOWN_NEXT = "`make list` shows it, and so does the next `make run`."


def outcome_log(project: Project) -> OutcomeLog:
    """The project's outcome log."""
    return OutcomeLog(project.store_dir / "outcomes")


def add(
    project: Project,
    console: Console,
    *,
    customer: str,
    what: str,
    note: str | None,
    by: str | None,
    at: date | None,
    corrects: str | None,
) -> None:
    """Log an outcome. Raises InputError if an argument cannot be used."""
    log, customer_id = outcome_log(project), staged_id(customer)
    said, text, person = outcome(what), free_text(note or ""), _person(by)
    occurred_on = today() if at is None else day(at)
    replaced = None if corrects is None else log.read().to_replace(corrects)
    found = look_up_one(project, customer_id)
    entry = Entry(
        kind="outcome",
        customer_id=customer_id,
        account_id=found.account_id,
        outcome=said,
        note=text,
        logged_by=person,
        occurred_on=occurred_on,
        corrects=replaced.outcome_id if replaced else None,
    )
    _store(project, entry, console, found)


def snooze(
    project: Project,
    console: Console,
    *,
    customer: str,
    until: date,
    note: str | None,
    by: str | None,
) -> None:
    """Move a customer to the end of the list, up to and including the day `until`."""
    customer_id, text, person = staged_id(customer), free_text(note or ""), _person(by)
    found = look_up_one(project, customer_id)
    # compare with the list's as-of date, which may be long ago
    listed_on = found.as_of_date or today()
    if until < listed_on:
        raise InputError(
            f"The list is as of {listed_on}: a snooze until {until} would be over already. Give a "
            "later day; to end a snooze, retract it."
        )
    entry = Entry(
        kind="snooze",
        customer_id=customer_id,
        account_id=found.account_id,
        snoozed_until=until,
        note=text,
        logged_by=person,
    )
    _store(project, entry, console, found)


def not_a_risk(
    project: Project, console: Console, *, customer: str, reason: str, by: str | None
) -> None:
    """Log a false alarm: the customer is on the list but not at risk."""
    customer_id, why, person = staged_id(customer), free_text(reason, "The reason"), _person(by)
    if why is None:
        raise InputError("Say why the customer is not a risk: the rules can learn from it.")
    found = look_up_one(project, customer_id)
    entry = Entry(
        kind="not_a_risk",
        customer_id=customer_id,
        account_id=found.account_id,
        reason=why,
        logged_by=person,
    )
    _store(project, entry, console, found)


def retract(
    project: Project, console: Console, *, outcome_id: str, note: str | None, by: str | None
) -> None:
    """Retract a row of the log; it stays in the log but no longer counts."""
    retracted = outcome_log(project).read().to_replace(outcome_id)
    entry = Entry(
        kind="retraction",
        customer_id=retracted.customer_id,
        account_id=retracted.account_id,
        note=free_text(note or ""),
        logged_by=_person(by),
        corrects=retracted.outcome_id,
    )
    _store(project, entry, console)


def import_file(project: Project, console: Console, path: Path, *, by: str | None) -> None:
    """Store the outcomes of a file; store all valid rows at once.

    Raises InputError if the file cannot be used. Also raises InputError, after storing the valid
    rows, if some rows were refused.
    """
    # these modules are slow to import, and most commands do not need them
    from churn.outcomes.files import read_file
    from churn.outcomes.imports import Import, prepare

    log, person = outcome_log(project), _person(by)
    file = read_file(path)
    customers = look_up(project, file.customer_ids())
    result = Import()

    def choose(logged: Entries) -> list[Entry]:
        nonlocal result
        result = prepare(file, customers, logged.imported(), person)
        return result.entries

    log.append_chosen(choose)
    if result.entries:
        if customers.were_checked:
            log.tidy()
        else:
            _say(_UNCHECKED, console)
    for problem in result.problems:
        _say(f"Row {problem.number}: {problem.what}", console)
    grid = Table.grid(padding=(0, 2))
    grid.add_row("Stored", f"{len(result.entries):,}")
    grid.add_row("Known already", f"{result.known:,}")
    grid.add_row("Refused", f"{len(result.problems):,}")
    if result.empty:
        grid.add_row("Not filled in", f"{result.empty:,}")
    console.print(grid)
    if result.entries:
        _say(_SHOWN_NEXT, console)
    if result.problems:
        rows = "row was" if len(result.problems) == 1 else "rows were"
        raise InputError(
            f"{len(result.problems):,} {rows} refused, for the reasons above. Mend the file and "
            "import it again: what is stored already is not stored twice."
        )


def list_outcomes(project: Project, console: Console, *, customer: str | None, limit: int) -> None:
    """Print the log, newest rows first."""
    entries = outcome_log(project).read()
    wanted = None if customer is None else staged_id(customer)
    found = [entry for entry in entries if wanted in (None, entry.customer_id)]
    if not found:
        about = "" if wanted is None else f" about {shown_id(wanted)}"
        logged = sorted({entry.customer_id for entry in entries})
        alike = [each for each in logged if wanted and look_of(each) == look_of(wanted)]
        if alike:
            raise InputError(looks_like(f"{shown_id(wanted or '')} is not in the log", alike))
        _say(f"Nothing has been logged{about} yet.", console)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("On", no_wrap=True)
    table.add_column("Customer", overflow="fold")
    table.add_column("What", overflow="fold", min_width=18)
    table.add_column("Note", overflow="fold", ratio=1)
    table.add_column("By", overflow="fold")
    table.add_column("Id", no_wrap=True)
    for entry in found[:limit]:
        style = "dim" if entries.replaced_by(entry) else ""
        table.add_row(
            str(entry.occurred_on),
            plain_text(shown_id(entry.customer_id), limit=_ID_SHOWN),
            plain_text(_standing(entry, entries)),
            plain_text(entry.note or entry.reason or "", limit=_NOTE_SHOWN),
            plain_text(entry.logged_by),
            entry.short_id,
            style=style,
        )
    console.print(table)
    if len(found) > limit:
        _say(f"… and {len(found) - limit:,} older ones; --limit shows more.", console)


def _store(
    project: Project, entry: Entry, console: Console, customer: Customer | None = None
) -> None:
    """Add a row, and confirm it; `customer`, if looked up, shows whether a build is running."""
    log = outcome_log(project)

    def if_still_there(logged: Entries) -> list[Entry]:
        logged.to_replace(str(entry.corrects))
        return [entry]

    if entry.corrects is None:
        log.append([entry])
    else:
        # another user may have replaced the same row in the meantime
        log.append_chosen(if_still_there)
    if customer is not None and not customer.was_checked:
        _say(_UNCHECKED, console)
    _say(
        f"Logged as {entry.short_id}: {shown_id(entry.customer_id)}, {_what(entry)}, on "
        f"{entry.occurred_on}, by {entry.logged_by}.",
        console,
    )
    _say(_COUNTED if entry.kind == "not_a_risk" else _SHOWN_NEXT, console)
    if customer is not None and customer.was_checked:
        log.tidy()


def _person(given: str | None) -> str:
    """The given name, else the user of this session. Raises InputError if there is neither."""
    try:
        person = one_line(given or os.environ.get("USER") or getpass.getuser())
    except (KeyError, OSError, ImportError):
        person = ""
    if not person or len(person) > NAME_LENGTH:
        raise InputError(f"Say who you are with --by, in at most {NAME_LENGTH} characters.")
    return person


def _what(entry: Entry) -> str:
    """Describe a row in words."""
    if entry.kind == "snooze":
        return f"snoozed until {entry.snoozed_until}"
    if entry.kind == "retraction":
        return f"retraction of {short(str(entry.corrects))}"
    said = "not a risk" if entry.kind == "not_a_risk" else str(entry.outcome)
    return f"{said} (in place of {short(entry.corrects)})" if entry.corrects else said


def _standing(entry: Entry, entries: Entries) -> str:
    """Describe a row, and say whether it still counts."""
    newer = entries.replaced_by(entry)
    if newer is None:
        return _what(entry)
    how = "retracted" if newer.kind == "retraction" else "corrected"
    return f"{_what(entry)} — {how} by {newer.short_id}"


def _say(text: str, console: Console) -> None:
    # do not break text that people copy
    console.print(plain(text), markup=False, highlight=False, soft_wrap=True)
