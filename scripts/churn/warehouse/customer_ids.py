"""Customer ids as staging has them, and how to tell apart two that look alike."""

import unicodedata

from churn.terminal import plain
from churn.terminal.errors import InputError

# what the macro `trimmed` takes off; everything else in an id is part of it
_TRIMMED = " \t\n\r\u00a0"
# control, format, surrogate, private use, unassigned; separators
_INVISIBLE = ("C", "Z")
FORM = "What stands in $'…' is as bash and zsh read it."


def staged_id(text: str) -> str:
    """An id that somebody gave, as staging would have it: only the blanks around it go.

    Raises:
        InputError: it has bytes that are no UTF-8, which no loaded id has.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"The id {plain(text, 100)} is not valid UTF-8.") from error
    return text.strip(_TRIMMED)


def look_of(customer_id: str) -> str:
    """The same text for ids that people cannot tell apart: blanks, case and width do not count."""
    if customer_id.isascii() and customer_id.isprintable():
        return " ".join(customer_id.casefold().split())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", customer_id).casefold())
    seen = (
        " " if unicodedata.category(each)[0] in _INVISIBLE else each
        for each in folded
        if unicodedata.category(each) != "Cf"
    )
    return " ".join("".join(seen).split())


def shown_id(customer_id: str, limit: int | None = None) -> str:
    """An id as people see it: what would be invisible in it is written out, as shells read it.

    `S1011-1` and `株 1` are shown as they are, `ACME` and `1` with two blanks between as
    `$'ACME\\x20\\x201'`. It is cut at `limit` characters.
    """
    if customer_id == plain(customer_id) and unicodedata.is_normalized("NFKC", customer_id):
        return plain(customer_id, limit)
    parts = []
    for at, each in enumerate(customer_id):
        is_lone = each == " " and "  " not in customer_id[max(at - 1, 0) : at + 2]
        is_plain = unicodedata.category(each)[0] not in (*_INVISIBLE, "M")
        if each in "\\'":
            parts.append(f"\\{each}")
        elif is_lone or (is_plain and unicodedata.is_normalized("NFKC", each)):
            parts.append(each)
        else:
            parts.append(_escaped(ord(each)))
    return plain(f"$'{''.join(parts)}'", limit)


def _escaped(code: int) -> str:
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
