"""Normalises customer ids as staging does, and tells apart ids that look alike."""

import unicodedata

from churn.terminal import plain
from churn.terminal.errors import InputError

# the macro `trimmed` removes these; everything else is part of the id
_TRIMMED = " \t\n\r\u00a0"
# control, format, surrogate, private use, unassigned; separators
_INVISIBLE = ("C", "Z")
FORM = "What stands in $'…' is as bash and zsh read it."


def staged_id(text: str) -> str:
    """Normalise an id that the user gave as staging does: remove only the blanks around it.

    Raises:
        InputError: it is not valid UTF-8; every loaded id is.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"The id {plain(text, 100)} is not valid UTF-8.") from error
    return text.strip(_TRIMMED)


def look_of(customer_id: str) -> str:
    """Return the same text for ids that look alike: ignore blanks, case and character width."""
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
    """Return an id for display, with invisible characters written as shell escapes.

    `S1011-1` and `株 1` stay unchanged; `ACME` and `1` with two blanks between become
    `$'ACME\\x20\\x201'`. The result has at most `limit` characters.
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
