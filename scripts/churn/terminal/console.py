"""The console, progress bars, warnings, and functions that make unknown text safe to print."""

import io
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

# control, format (such as bidirectional overrides), surrogate, private use, unassigned; separators
_INVISIBLE = ("C", "Z")
# longer text of unknown origin would fill a table or a screen
LONGEST_TEXT = 300
_LONGEST_LINE = 2_000
_LONGEST_WARNING = 600


def replace_unknown_characters() -> None:
    """Print a question mark for each character that the encoding of the stream lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def plain(value: object, limit: int | None = None) -> str:
    """Return one line without control characters, of at most `limit` characters."""
    text = "".join(
        " " if unicodedata.category(character)[0] in _INVISIBLE else character
        for character in str(value)
    )
    text = " ".join(text.split())
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def plain_lines(value: object) -> str:
    """Do the same for a message of several lines; shorten lines that would fill the screen."""
    return "\n".join(plain(line, _LONGEST_LINE) for line in str(value).splitlines())


def plain_text(value: object, *, limit: int = LONGEST_TEXT, style: str = "") -> Text:
    """Do the same for rich, which will not interpret the text as markup."""
    return Text(plain(value, limit), style=style)


def output_console(**options: Any) -> Console:
    """Return a console for standard output, 120 columns wide if the width is unknown.

    The width is unknown for a file, cron and CI.
    """
    made = Console(**options)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = 120
    return made


def print_warnings(warnings: Sequence[str], console: Console) -> None:
    """Print what is wrong with the data; call this before printing any result."""
    for warning in warnings:
        shown = plain_text(warning, limit=_LONGEST_WARNING, style="yellow")
        console.print(Text.assemble(("Warning: ", "bold yellow"), shown))
    if warnings:
        console.print()


@contextmanager
def progress_bar(console: Console, title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar; yields its update function (done, total), a no-op without a terminal."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
