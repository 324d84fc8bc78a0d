"""Reads a .zip source: checks the whole archive, then unpacks only the members it needs."""

import lzma
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from churn.load.find import is_ignored, readable_suffix
from churn.load.limits import check_unpacked
from churn.terminal.errors import ChurnError, InputError

ENCRYPTED = 0x1
# zipfile unpacks these in pieces; with other methods a few bytes may become gigabytes at once
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# the standard library raises these for truncated, altered or unusually packed archives
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    ValueError,
)


class Archive:
    """An open .zip file whose members are safe to unpack."""

    def __init__(self, path: Path) -> None:
        """Open the archive and check every member.

        Raises:
            InputError: it is not a zip, is damaged or encrypted, or a member could escape the
                target folder.
        """
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except DAMAGED as error:
            raise InputError(
                f"{path}: not a zip archive, or damaged ({error}). Pack the files again."
            ) from error
        try:
            self._members = self._checked_members()
        except InputError:
            self._zip.close()
            raise

    @property
    def files(self) -> list[PurePosixPath]:
        """Return the archive's files, sorted; a name that occurs twice is listed twice."""
        return sorted(file for file, _ in self._members)

    def unpack(self, wanted: Iterable[PurePosixPath], folder: Path) -> dict[PurePosixPath, Path]:
        """Unpack members in bounded memory, under file names that this project chooses.

        Args:
            wanted: members, as returned by `files`.
            folder: an existing folder; nothing is written outside it.

        Returns:
            Member -> the unpacked file.

        Raises:
            InputError: a member is damaged, or unpacks to far more than a table would.
            ChurnError: the disk has less free space than the members claim to need.
        """
        chosen = set(wanted)
        members = {file: info for file, info in self._members if file in chosen}
        archive_size = self.path.stat().st_size
        for info in members.values():
            # zipfile never unpacks more than a member's declared size
            packed = min(info.compress_size, archive_size)
            check_unpacked(f"{self.path}: the member {info.orig_filename}", info.file_size, packed)
        needed = sum(info.file_size for info in members.values())
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise ChurnError(
                f"{self.path}: unpacking needs {needed:,} bytes but only {free:,} are free in "
                f"{folder.parent}. Free some space, or check that the archive is what you expect."
            )
        unpacked = {}
        for position, (file, info) in enumerate(members.items()):
            target = folder / f"{position}{readable_suffix(file.name)}"
            self._unpack_one(info, target)
            unpacked[file] = target
        return unpacked

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def _unpack_one(self, info: zipfile.ZipInfo, target: Path) -> None:
        try:
            if info.compress_type not in BOUNDED:
                raise NotImplementedError("it is not packed with deflate")
            with self._zip.open(info) as packed, target.open("xb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)
        except DAMAGED as error:
            raise InputError(
                f"{self.path}: the member {info.orig_filename} cannot be unpacked ({error}). "
                "Pack the files again with ordinary (deflate) compression."
            ) from error

    def _checked_members(self) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
        members = []
        for info in self._zip.infolist():
            name = info.orig_filename
            reason = _unsafe(info)
            if reason:
                raise InputError(
                    f"{self.path}: the member {name!r} {reason}, so nothing was unpacked. "
                    "Pack the files again from inside their folder, or give the folder itself."
                )
            file = PurePosixPath(info.filename)
            if info.is_dir() or is_ignored(file):
                continue
            if info.flag_bits & ENCRYPTED:
                raise InputError(
                    f"{self.path}: the member {name} is encrypted. Give an archive without a "
                    "password, or the unpacked folder."
                )
            members.append((file, info))
        return members


def _unsafe(info: zipfile.ZipInfo) -> str | None:
    """Return why a member must not be unpacked, or None."""
    name = info.orig_filename
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a symbolic link"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "has an absolute path"
    if "\\" in name or "\0" in name:
        return "has a backslash or a null byte in its path"
    if ".." in PurePosixPath(name).parts:
        return "leads out of the archive with .."
    return None
