"""Rebuilds whenever the user's files or the loaded data change."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import watchfiles
from rich.console import Console
from rich.text import Text

from churn.load import recover
from churn.load.find import list_files, readable_suffix
from churn.project import Project
from churn.terminal import plain_lines
from churn.terminal.errors import ChurnError, InputError

QUIET_SECONDS = 1.0

Snapshot = dict[Path, tuple[int, int]]


def watch(
    project: Project,
    *,
    source: Path | None,
    reload: Callable[[], None],
    rebuild: Callable[[], None],
    console: Console | None = None,
    quiet_seconds: float = QUIET_SECONDS,
    stop: threading.Event | None = None,
) -> None:
    """Reload and rebuild after every change of the data, until Ctrl-C.

    With a source, this watches the files of its tables, and calls `reload`, then `rebuild`. Without
    one, it watches the load folder for loads by other processes, and calls `rebuild`. A copy in
    progress counts as one change: this waits until the files have been stable for a while. If a
    step fails, this prints its message and keeps watching; the data stays as it was.

    Args:
        project: gives the place of the load folder.
        source: the user's folder or .zip; None for the load folder.
        reload: loads the source; raises `ChurnError` if it cannot.
        rebuild: builds everything from the load; raises `ChurnError` if it cannot.
        console: the console to print to.
        quiet_seconds: how long the files must be stable, in seconds.
        stop: ends watching when set.

    Raises:
        InputError: there is nothing to watch.
    """
    console = console or Console(stderr=True)
    recover(project.load_dir)
    watched = source or project.load_dir
    if not watched.exists():
        raise InputError(
            f"{watched} does not exist, so there is nothing to watch. "
            "Load your data first (make load DATA=…), or give the folder that holds it."
        )
    folder = source if source is not None and source.is_dir() else None
    seen = latest = _snapshot(watched, project.load_dir)
    changed_at = time.monotonic()
    console.print(Text(f"Watching {watched}. Ctrl-C ends."))
    try:
        # watch the parent of a .zip or of the load folder: a load replaces its folder as a whole
        for _ in watchfiles.watch(
            folder or watched.resolve().parent,
            recursive=folder is not None,
            watch_filter=None,
            rust_timeout=int(quiet_seconds * 1000),
            yield_on_timeout=True,
            ignore_permission_denied=True,
            stop_event=stop,
        ):
            now = _snapshot(watched, project.load_dir)
            if now != latest:
                latest, changed_at = now, time.monotonic()
            elif now != seen and time.monotonic() - changed_at >= quiet_seconds:
                seen = now
                _act([reload, rebuild] if source else [rebuild], console)
    except KeyboardInterrupt:
        console.print("Stopped watching.")


def _act(steps: list[Callable[[], None]], console: Console) -> None:
    try:
        for step in steps:
            step()
    except ChurnError as error:
        console.print(Text(plain_lines(error), style="red"))
        console.print("The data stays as it was. Still watching.")


def _snapshot(watched: Path, load_dir: Path) -> Snapshot:
    """Size and modification time (ns) of every watched file."""
    try:
        if watched.is_dir():
            without = None if watched.resolve() == load_dir.resolve() else load_dir.resolve()
            files = [
                watched / name
                for name in list_files(watched, without=without)
                if readable_suffix(name.name)
            ]
        else:
            files = [watched]
        return {
            file: (status.st_size, status.st_mtime_ns) for file in files if (status := file.stat())
        }
    except OSError:
        # a file vanished during the listing: the next snapshot decides
        return {}
