"""Matches files to tables by name, at any depth, ignoring prefixes and letter case."""

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from churn.terminal import plain
from churn.terminal.errors import InputError

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
IGNORED_FOLDERS = ("__macosx", "truth")
FILES_SHOWN = 20
_NAME_LENGTH = 200


def readable_suffix(name: str) -> str | None:
    """Return the suffix of a readable file (`.csv`, `.parquet`, …), or None for another file."""
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), None)


def is_ignored(file: PurePosixPath) -> bool:
    """Whether a relative path is hidden, an AppleDouble copy, or in an ignored folder."""
    return any(part.startswith(".") or part.lower() in IGNORED_FOLDERS for part in file.parts)


def list_files(folder: Path, *, without: Path | None) -> list[PurePosixPath]:
    """Return every regular file below a folder, as sorted relative paths.

    Leaves out hidden files, `__MACOSX`, `truth` and `without` (the load folder, a resolved path).
    Follows links to folders. A folder counts once, even if several links or its own content lead
    to it.

    Raises:
        OSError: a folder cannot be listed.
    """

    def fail(error: OSError) -> None:
        raise error

    def counts(path: Path) -> bool:
        real = path.resolve()
        if is_ignored(PurePosixPath(path.name)) or real == without or real in seen:
            return False
        # skip a link to a folder inside or above the root: its files are listed anyway
        if path.is_symlink() and (root.is_relative_to(real) or real.is_relative_to(root)):
            return False
        seen.add(real)
        return True

    found, seen, root = [], set[Path](), folder.resolve()
    for parent, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        here = Path(parent)
        folders[:] = [name for name in sorted(folders) if counts(here / name)]
        for name in names:
            relative = PurePosixPath((here / name).relative_to(folder).as_posix())
            if not is_ignored(relative) and _is_regular(here / name):
                found.append(relative)
    return sorted(found)


def match_tables(files: Iterable[PurePosixPath], tables: Iterable[str]) -> dict[str, PurePosixPath]:
    """Return table name -> the file that holds it.

    A file matches if its name without the suffix ends with the table's name. Letter case does not
    matter, and blanks, dots and dashes count as `_`.

    Raises:
        InputError: two files match one table.
    """
    matches: dict[str, list[PurePosixPath]] = {}
    for file in files:
        suffix = readable_suffix(file.name)
        if suffix is None:
            continue
        stem = re.sub(r"[\s.-]+", "_", file.name[: -len(suffix)].strip().lower())
        for table in tables:
            if stem.endswith(table):
                matches.setdefault(table, []).append(file)
    for table, candidates in matches.items():
        if len(candidates) > 1:
            raise InputError(
                f"{table}: {len(candidates)} files match this table: "
                f"{' and '.join(str(file) for file in candidates)}. Remove or rename all but one."
            )
    return {table: candidates[0] for table, candidates in matches.items()}


def missing_table_message(
    missing: Iterable[str], files: Iterable[PurePosixPath], source: Path, *, any_of: bool = False
) -> str:
    """Return the message for tables without a file: which ones, what was found, how to name them.

    Args:
        missing: the tables without a file, at least one.
        files: the files of the source.
        source: the folder or archive.
        any_of: one of the tables would be enough.
    """
    names = list(missing)
    found = shortened(map(str, files), limit=FILES_SHOWN) or "none"
    what = (
        f"any table ({', '.join(names)})"
        if any_of
        else f"the required table{'s' if names[1:] else ''} {', '.join(names)}"
    )
    return (
        f"{source}: there is no file for {what}. Files found: {found}. "
        f"Name the file {names[0]}.csv, {names[0]}.parquet or <anything>_{names[0]}.csv."
    )


def shortened(names: Iterable[str], *, limit: int) -> str:
    """Join names with commas, cut long names, and only count those beyond the limit."""
    listed = [plain(name, _NAME_LENGTH) for name in names]
    more = len(listed) - limit
    return ", ".join(listed[:limit]) + (f" and {more} more" if more > 0 else "")


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
