"""File names made of ids that may hold anything."""

import re
from hashlib import sha256

_ORDINARY = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,60}")


def file_name(customer_id: str) -> str:
    """A name without ending, of its own on every file system: ordinary ids stay as they are."""
    if _ORDINARY.fullmatch(customer_id):
        return customer_id
    readable = re.sub(r"[^A-Za-z0-9]+", "-", customer_id).strip("-")[:40]
    return f"{readable or 'customer'}_{sha256(customer_id.encode()).hexdigest()[:12]}"
