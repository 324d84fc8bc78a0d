"""Guards text that a spreadsheet would run as a formula, and removes the guard.

The guard is an apostrophe, which marks a cell as text. A program that splits the file at another
separator sees several cells where we wrote one. So we guard every place where such a cell could
begin.
"""

import re

# a formula begins with one of these in Excel, LibreOffice or Google Sheets; includes full width
_FORMULA = "[=+@＝＋－＠-]"
# separators, quotes and line breaks: a program may begin a new cell after any of them
_CELL_END = r'[,;|"\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]'
_BLANKS = r"[ \xa0\u1680\u2000-\u200a\u202f\u205f\u3000]*"
_DANGEROUS = re.compile(f"((?:^|{_CELL_END}){_BLANKS})('*{_FORMULA})")
_GUARDED = re.compile(f"((?:^|{_CELL_END}){_BLANKS})'('*{_FORMULA})")
# spreadsheets drop these at the start of a cell, so the next character becomes the first
_HIDING = re.compile("'*[\t\r]")
_GUARDED_HIDING = re.compile("'('*[\t\r])")


def guarded(text: str, *, only_start: bool = False) -> str:
    """Put an apostrophe before every part of the text that a spreadsheet might run.

    With `only_start`, guard only the start: for text that stays in one cell and that people copy.
    """
    if only_start and not _DANGEROUS.match(text):
        safe = text
    else:
        safe = _DANGEROUS.sub(r"\1'\2", text, count=1 if only_start else 0)
    return f"'{safe}" if _HIDING.match(safe) else safe


def unguarded(text: str) -> str:
    """Return the text that was given to `guarded`."""
    safe = text[1:] if _GUARDED_HIDING.match(text) else text
    return _GUARDED.sub(r"\1\2", safe)
