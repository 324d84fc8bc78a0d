"""Finds the columns with the customer's words, and cleans, shortens and hashes the words."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from churn.load.columns import normalised
from churn.project import TableSpec
from churn.terminal import plain
from churn.terminal.errors import InputError

CUT = "\n[…]\n"

# invisible characters that can hide or reverse text: null bytes, noncharacters, soft hyphens,
# zero-width characters, bidirectional marks, annotations, tags
_INVISIBLE = re.compile(
    "[\0\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]+"
)
_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# some exports write a line end as two characters
_WRITTEN_LINE_END = re.compile(r"\\r\\n|\\[rn]")
_BLANK = re.compile(r"[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]|\\t")
_WIDE_BLANK = re.compile(r"[^\S\n ][^\S\n]*| [^\S\n]+")
_EMPTY_LINES = re.compile(r"\n{3,}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# no real text has more accents on a letter, and normalising them takes quadratic time
_ACCENT = "".join(chr(code) for code in range(0x300, 0x1F000) if unicodedata.combining(chr(code)))
_ACCENTS = re.compile(f"([{_ACCENT}]{{30}})[{_ACCENT}]+")

# a column with at least this many words on average counts as text; every letter beyond ASCII
# counts as a word, because some languages do not separate words
_WORDS = 3
_COLUMNS_SHOWN = 40


def clean(text: str) -> str:
    """Reduce a text to its visible content, which can be encoded as UTF-8.

    Removes null bytes and invisible characters. Turns control characters into blanks, and lone
    surrogates into U+FFFD. Normalises to NFC, and collapses runs of blanks and of empty lines.
    """
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = _INVISIBLE.sub("", text)
    text = _LINE_END.sub("\n", text)
    if "\n" not in text:
        text = _WRITTEN_LINE_END.sub("\n", text)
    text = _BLANK.sub(" ", text)
    text = _composed(text)
    text = _WIDE_BLANK.sub(" ", text).replace(" \n", "\n").replace("\n ", "\n")
    return _EMPTY_LINES.sub("\n\n", text).strip()


def _composed(text: str) -> str:
    if unicodedata.is_normalized("NFC", text):
        return text
    return unicodedata.normalize("NFC", _ACCENTS.sub(r"\1", text))


def shortened(text: str, limit: int) -> str:
    """Shorten a cleaned text to `limit` bytes of UTF-8: its start and end, with a mark between.

    The limit is in bytes because a model's token has at least one byte. So the result has at most
    `limit` tokens in any language.
    """
    if len(text) <= limit and len(text.encode()) <= limit:
        return text
    room = max(limit - len(CUT.encode()), 0)
    after = room // 3
    before = room - after
    start = text[:before].encode()[:before].decode(errors="ignore")
    end = text[max(len(text) - after, 0) :].encode()
    return start + CUT + end[len(end) - after :].decode(errors="ignore")


def text_hash(text: str) -> str:
    """Return the SHA-256 of a cleaned text, as 64 hexadecimal digits."""
    return sha256(text.encode()).hexdigest()


def text_columns(
    spec: TableSpec, columns: Sequence[str], sample: Callable[[str], Iterable[object]]
) -> tuple[str, ...]:
    """Return the columns that hold the customer's words, in reading order.

    These are the subject and the first existing column of body, text, description, message and
    content. If none of the latter exists, it is the column with the longest text on average.
    Columns of `spec.never_read` and columns with another known meaning are never used.

    Args:
        spec: the table of messages as configured.
        columns: the column names as in the file.
        sample: returns enough values of a column to judge it.

    Raises:
        InputError: no column holds text.
    """
    found = {normalised(name): name for name in columns}
    subject, *others = spec.text_columns
    body = next((found[name] for name in others if name in found), None) or _wordiest(
        {
            name: _mean_length(sample(name))
            for spelled, name in found.items()
            if spelled not in spec.never_read and spelled not in spec.optional
        }
    )
    columns_read = tuple(name for name in (found.get(subject), body) if name)
    if not columns_read:
        raise InputError(
            f"There is no column with the customers' words. Columns found: {_listed(columns)}. "
            f"Name one of them {', '.join(spec.text_columns[:-1])} or {spec.text_columns[-1]}."
        )
    return columns_read


def _wordiest(lengths: dict[str, float]) -> str | None:
    longest = max(lengths, key=lambda name: lengths[name], default=None)
    return longest if longest is not None and lengths[longest] else None


def _mean_length(values: Iterable[object]) -> float:
    """The mean length of non-empty values; 0 if they do not read like text."""
    texts = [value for value in values if isinstance(value, str) and value.strip()]
    words = sum(_words(text[:1000]) for text in texts)
    if not texts or words < _WORDS * len(texts):
        return 0
    return sum(map(len, texts)) / len(texts)


def _words(text: str) -> int:
    letters = sum(character > "\x7f" and character.isalpha() for character in text)
    return letters + sum(any(map(str.isalpha, word)) for word in text.split())


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(plain(name, 60) for name in columns[:_COLUMNS_SHOWN])
    more = len(columns) - _COLUMNS_SHOWN
    return shown + (f" and {more} more" if more > 0 else "")
