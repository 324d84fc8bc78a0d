"""Guards text that a spreadsheet would run as a formula, and removes the guard again.

The guard is an apostrophe, which spreadsheets read as "this is text". A program that splits a file
at another separator sees cells where we wrote one, so every place where such a cell could begin is
guarded.
"""

import re

# what begins a formula in Excel, LibreOffice or Google Sheets, in full width too
_FORMULA = "[=+@＝＋－＠-]"
# separators, quotes and line breaks, after any of which a program may begin a cell
_CELL_END = r'[,;|"\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]'
_BLANKS = r"[ \xa0\u1680\u2000-\u200a\u202f\u205f\u3000]*"
_DANGEROUS = re.compile(f"((?:^|{_CELL_END}){_BLANKS})('*{_FORMULA})")
_GUARDED = re.compile(f"((?:^|{_CELL_END}){_BLANKS})'('*{_FORMULA})")
# spreadsheets drop these at the beginning, and what was behind them comes first
_HIDING = re.compile("'*[\t\r]")
_GUARDED_HIDING = re.compile("'('*[\t\r])")


def guarded(text: str, *, only_start: bool = False) -> str:
    """The text with an apostrophe before everything in it that a spreadsheet might run.

    `only_start` is for a text that stays in its cell and that people copy from there.
    """
    if only_start and not _DANGEROUS.match(text):
        safe = text
    else:
        safe = _DANGEROUS.sub(r"\1'\2", text, count=1 if only_start else 0)
    return f"'{safe}" if _HIDING.match(safe) else safe


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    safe = text[1:] if _GUARDED_HIDING.match(text) else text
    return _GUARDED.sub(r"\1\2", safe)
