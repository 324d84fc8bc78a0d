"""Text of unknown origin on its way to a terminal."""

import os
import unicodedata
from typing import Any

from rich.console import Console
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
