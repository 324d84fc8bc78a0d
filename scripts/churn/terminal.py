"""The way to a terminal: text of unknown origin, warnings, progress."""

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

# control, format (such as bidirectional overrides), surrogate, private use, unassigned; separators
_INVISIBLE = ("C", "Z")


def plain(value: object, limit: int | None = None) -> str:
    """One line that does nothing to a terminal: no control characters, and not over `limit`."""
    text = "".join(
        " " if unicodedata.category(character)[0] in _INVISIBLE else character
        for character in str(value)
    )
    text = " ".join(text.split())
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def plain_lines(value: object) -> str:
    """The same for a message of several lines."""
    return "\n".join(plain(line) for line in str(value).splitlines())


def plain_text(value: object, *, limit: int | None = None, style: str = "") -> Text:
    """The same for rich, which then sees no markup either."""
    return Text(plain(value, limit), style=style)


def output_console(**options: Any) -> Console:
    """Standard output; 120 columns wide where nobody says how wide it is (a file, cron, CI)."""
    made = Console(**options)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = 120
    return made


def print_warnings(warnings: Sequence[str], console: Console) -> None:
    """What is wrong with the data, before anything that is made of it."""
    for warning in warnings:
        console.print(Text.assemble(("Warning: ", "bold yellow"), (warning, "yellow")))
    if warnings:
        console.print()


@contextmanager
def progress_bar(console: Console, title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, as a function of (done, total); nothing where there is no terminal."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
