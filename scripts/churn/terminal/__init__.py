"""What people read on the screen: the console, errors, and text that is safe to print.

A message may change if its test changes with it. Nothing here knows the project.
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
