"""Terminal output: the console, errors, and text that is safe to print.

Nothing here knows the project. Print text of unknown origin only through `plain` and its variants.
"""

from churn.terminal.console import (
    output_console,
    plain,
    plain_lines,
    plain_text,
    print_warnings,
    progress_bar,
    replace_unknown_characters,
)

__all__ = [
    "output_console",
    "plain",
    "plain_lines",
    "plain_text",
    "print_warnings",
    "progress_bar",
    "replace_unknown_characters",
]
