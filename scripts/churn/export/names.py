"""File names of customers, unique and safe on every file system."""

import re
import unicodedata
from hashlib import sha256

# capitals may stand only at the start, so no two ordinary ids differ only in letter case, and a
# case-insensitive disk keeps both files; "__" is reserved for hashed names
_ORDINARY = re.compile(r"(?!.*__)(?=[A-Z0-9])[A-Z]*([0-9_-][0-9a-z_-]*)?")
_RESERVED = re.compile(r"CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9]")
_LONGEST = 60
_LONGEST_SLUG = 40
_HASH_LENGTH = 16


def file_name(customer_id: str) -> str:
    """Return the file name without its extension; the same id always gives the same name.

    An ordinary id, such as S1011-1, stays as it is. Any other id becomes its readable part and a
    hash of the whole id: `acme-gmbh__0f2a91c4d7e86b35`.
    """
    if (
        len(customer_id) <= _LONGEST
        and _ORDINARY.fullmatch(customer_id)
        and not _RESERVED.fullmatch(customer_id)
    ):
        return customer_id
    letters = unicodedata.normalize("NFKD", customer_id).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", letters.lower())[:_LONGEST_SLUG].strip("-")
    digest = sha256(customer_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{slug or 'customer'}__{digest[:_HASH_LENGTH]}"
