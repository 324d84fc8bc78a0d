"""The customer's words: which columns hold them, and how they are cleaned, shortened, hashed."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from churn.load.columns import normalised
from churn.project import TableSpec
from churn.terminal import plain
from churn.terminal.errors import InputError

CUT = "\n[…]\n"

# nothing to see, and able to hide or to turn around what is there: null bytes and noncharacters,
# soft hyphens, zero-width characters, bidirectional marks, annotations, tags
_INVISIBLE = re.compile(
    "[\0\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]+"
)
_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# that some exports write as two characters
_WRITTEN_LINE_END = re.compile(r"\\r\\n|\\[rn]")
_BLANK = re.compile(r"[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]|\\t")
_WIDE_BLANK = re.compile(r"[^\S\n ][^\S\n]*| [^\S\n]+")
_EMPTY_LINES = re.compile(r"\n{3,}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# more accents on one letter are no writing, and putting them in order takes quadratic time
_ACCENT = "".join(chr(code) for code in range(0x300, 0x1F000) if unicodedata.combining(chr(code)))
_ACCENTS = re.compile(f"([{_ACCENT}]{{30}})[{_ACCENT}]+")

# so many words on average make a column read like text; a letter beyond ASCII counts as a word,
# for the languages that do not part theirs
_WORDS = 3
_COLUMNS_SHOWN = 40


def clean(text: str) -> str:
    """The text as a person sees it, and nothing else; the result can be encoded as UTF-8.

    Null bytes and invisible characters are removed, control characters become blanks, lone
    surrogates U+FFFD; composed to NFC; runs of blanks are one blank, of empty lines one empty line.
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
    """At most `limit` bytes of UTF-8: the beginning and the end, with a mark between them.

    Bytes, since a token of a model stands for at least one: the result has at most `limit` tokens
    in any language. `text` is cleaned already.
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
    """The SHA-256 of cleaned text, as 64 hexadecimal digits."""
    return sha256(text.encode()).hexdigest()


def text_columns(
    spec: TableSpec, columns: Sequence[str], sample: Callable[[str], Iterable[object]]
) -> tuple[str, ...]:
    """The columns that hold the customer's words, in the order in which they are read.

    The subject, and the first that is there of the other columns the project knows as text (body,
    text, description, message, content), else the column whose text is the longest on average;
    never one of `spec.never_read`, nor one known as something else.

    Args:
        spec: the table of messages as configured.
        columns: the names as they stand in the file.
        sample: some values of a column, as many as are enough to judge by.

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
    """Of the values that say something; 0 where they do not read like text."""
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
