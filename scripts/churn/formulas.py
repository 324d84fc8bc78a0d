"""Text that a spreadsheet would run as a formula, made harmless and back.

A leading apostrophe is what spreadsheets themselves take for "this is text".
"""

import re

# what begins a formula in Excel, LibreOffice or Google Sheets, in full width too, and what hides it
_FORMULA = "[=+@\\t\\r\\n＝＋－＠-]"
_DANGEROUS = re.compile(f"'*{_FORMULA}")
_GUARDED = re.compile(f"'('*{_FORMULA})")


def guarded(text: str) -> str:
    """The text with an apostrophe before it, where a spreadsheet might run it."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return text[1:] if _GUARDED.match(text) else text
