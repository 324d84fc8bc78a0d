"""Implements `churn export`, after its options are parsed."""

import dataclasses
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from churn.export import crm, tables
from churn.export.digest import digest, slack_digest
from churn.export.folder import replaced
from churn.export.markdown import note
from churn.export.names import file_name
from churn.export.playbooks import write_playbooks
from churn.export.rows import Export, read
from churn.project import Project
from churn.terminal import plain, print_warnings, progress_bar
from churn.terminal.errors import InputError


class Format(NamedTuple):
    """A file format: the names and descriptions of its files, and the function that writes them."""

    files: Mapping[str, str]
    write: Callable[[Export, Path], None]


def _action_list(export: Export, folder: Path) -> None:
    rows = tables.action_list(export.customers)
    tables.write_csv(folder / "action_list.csv", tables.ACTION_LIST, rows)


def _workbook(export: Export, folder: Path) -> None:
    tables.write_workbook(folder / "action_list.xlsx", tables.action_list(export.customers))


def _tasks(export: Export, folder: Path) -> None:
    tables.write_csv(folder / "tasks.csv", tables.TASKS, tables.tasks(export.customers))


def _hubspot(export: Export, folder: Path) -> None:
    tables.write_csv(folder / "hubspot_tasks.csv", crm.HUBSPOT, crm.hubspot(export.customers))


def _salesforce(export: Export, folder: Path) -> None:
    rows = crm.salesforce(export.customers)
    tables.write_csv(folder / "salesforce_tasks.csv", crm.SALESFORCE, rows)


def _notes(export: Export, folder: Path) -> None:
    (folder / "notes").mkdir()
    for customer in export.customers:
        path = folder / "notes" / f"{file_name(customer['customer_id'])}.md"
        path.write_text(note(customer), encoding="utf-8")


def _playbooks(export: Export, folder: Path) -> None:
    (folder / "playbooks").mkdir()
    write_playbooks(export, folder / "playbooks")


def _digest(export: Export, folder: Path) -> None:
    (folder / "digest.md").write_text(digest(export), encoding="utf-8")
    (folder / "digest_slack.txt").write_text(slack_digest(export), encoding="utf-8")


_OF_THE_LIST = "digest"
_KEPT_SHOWN = 10
FORMATS = {
    "csv": Format({"action_list.csv": "the list, for any spreadsheet"}, _action_list),
    "xlsx": Format({"action_list.xlsx": "the list to work in, and to import again"}, _workbook),
    "tasks": Format({"tasks.csv": "every step with owner and due date"}, _tasks),
    "hubspot": Format({"hubspot_tasks.csv": "open steps, to import into HubSpot"}, _hubspot),
    "salesforce": Format(
        {"salesforce_tasks.csv": "open steps, to import into Salesforce"}, _salesforce
    ),
    "markdown": Format({"notes": "a note a customer, for a CRM or a wiki"}, _notes),
    "pdf": Format({"playbooks": "a page a customer, for the meeting about it"}, _playbooks),
    _OF_THE_LIST: Format(
        {
            "digest.md": "the week in one page",
            "digest_slack.txt": "the same, to paste into Slack",
        },
        _digest,
    ),
}


def export_files(
    project: Project, console: Console, *, customer: str | None, formats: Sequence[str]
) -> None:
    """Write the files of these `formats`, or of all if none is given, and print their places.

    Raises:
        InputError: nothing has been built, or the customer is not on the list.
        ChurnError: the warehouse cannot be read, or the disk refuses the write.
    """
    export = read(project, customer)
    folder, chosen = project.export_dir / str(export.as_of), list(formats or FORMATS)
    if customer is not None:
        [listed] = export.customers
        folder = folder / "customers" / file_name(listed["customer_id"])
        chosen = [name for name in chosen if name != _OF_THE_LIST]
        if not chosen:
            raise InputError("The digest is about the whole list; leave the customer out.")
    covers = [name for chosen_format in chosen for name in FORMATS[chosen_format].files]
    with (
        progress_bar(console, "Exporting") as progress,
        replaced(folder, covers) as (new, kept),
    ):
        done, total = 0, len(export.customers) * len(chosen)

        def on_row() -> None:
            nonlocal done
            done += 1
            progress(done, total)

        watched = dataclasses.replace(export, customers=export.customers.watched(on_row))
        for name in chosen:
            FORMATS[name].write(watched, new)
    print_warnings(export.warnings, console)
    _print_written(console, folder, chosen, len(export.customers))
    if kept:
        more = f" and {len(kept) - _KEPT_SHOWN:,} more" if len(kept) > _KEPT_SHOWN else ""
        _say(
            "Files that somebody changed since the last export are kept: "
            f"{', '.join(kept[:_KEPT_SHOWN])}{more}",
            console,
        )


def _print_written(console: Console, folder: Path, chosen: Sequence[str], customers: int) -> None:
    of = "1 customer" if customers == 1 else f"{customers:,} active customers at risk"
    _say(f"Exported {of} to {folder}:", console)
    grid = Table.grid(padding=(0, 2))
    for name in chosen:
        for file, about in FORMATS[name].files.items():
            grid.add_row("", f"{file}/" if (folder / file).is_dir() else file, about)
    console.print(grid)
    if "xlsx" in chosen:
        _say(
            "Fill in the yellow columns of action_list.xlsx, then: .venv/bin/churn outcome import "
            f"{shlex.quote(str(folder / 'action_list.xlsx'))}",
            console,
        )


def _say(text: str, console: Console) -> None:
    # do not break text that people copy
    console.print(plain(text), markup=False, highlight=False, soft_wrap=True)
