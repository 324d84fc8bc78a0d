"""Reads lines of a text file of unknown encoding: UTF-8, UTF-16 or Latin-1, plain or gzip."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, Self, cast

from churn.load.limits import BYTES_A_ROW, check_unpacked
from churn.load.table_file import Origin
from churn.terminal.errors import InputError


def _cp1252(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


START = 100
# the limit between two calls of `TextLines.go_on`: one row and the rows read before it
BYTES_AT_ONCE = BYTES_A_ROW + 32_000_000

# the error handler `surrogateescape` replaces a byte that is not UTF-8 by U+DC80..U+DCFF
NOT_UTF_8 = {0xDC00 + byte: _cp1252(byte) for byte in range(0x80, 0x100)}


class TooLongError(Exception):
    """A line, or the rows since the last `TextLines.go_on`, exceed `BYTES_AT_ONCE`."""


class _Counted(io.BufferedIOBase):
    """A binary file with a limit on reading, because a line may be as long as the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = cast(io.BufferedReader, file)
        self.count = 0
        self.allowed = BYTES_AT_ONCE

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1) -> bytes:
        data = self._file.read1(size)
        self.count += len(data)
        if self.count > self.allowed:
            raise TooLongError
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


class LineCount:
    """The number of lines of a kind, and the first of them (1-based)."""

    def __init__(self) -> None:
        """Start with no lines."""
        self.count = 0
        self.first = 0

    def note(self, line: int) -> None:
        """Count a line."""
        self.count += 1
        self.first = self.first or line

    def __str__(self) -> str:
        """`line 7`, or `1,234 lines`."""
        return f"line {self.first}" if self.count == 1 else f"{self.count:,} lines"


class TextLines:
    """An open text file: iterate over its lines, which keep their line ends.

    Bytes that are not UTF-8 are read as Windows-1252, a superset of Latin-1. Null bytes and a byte
    order mark are removed.

    At most `BYTES_AT_ONCE` are read, in one line or in many, unless `go_on` allows more.

    Attributes:
        utf_16: whether the file is UTF-16; only its byte order mark shows this.
        binary: whether the file is not text: over a tenth of its first 100 bytes are null.
        characters: the number of characters read.
        not_utf_8: lines with bytes that are not UTF-8.
        null_bytes: lines from which null bytes were removed.
    """

    def __init__(self, origin: Origin) -> None:
        """Open a file; a `.gz` file is unpacked while it is read."""
        self._origin = origin
        self._raw = origin.path.open("rb")
        packed = origin.path.name.lower().endswith(".gz")
        self._packed_size = origin.path.stat().st_size if packed else None
        binary = cast(BinaryIO, gzip.GzipFile(fileobj=self._raw)) if packed else self._raw
        try:
            with self._damage_refused():
                start = binary.read(START)
                binary.seek(0)
        except InputError:
            self._raw.close()
            raise
        self.utf_16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        self.binary = not self.utf_16 and start.count(0) * 10 > len(start)
        self._counted = _Counted(binary)
        self._text = io.TextIOWrapper(
            cast(BinaryIO, self._counted),
            encoding="utf-16" if self.utf_16 else "utf-8-sig",
            errors="strict" if self.utf_16 else "surrogateescape",
            newline="",
        )
        self.characters = 0
        self.not_utf_8 = LineCount()
        self.null_bytes = LineCount()

    @property
    def position(self) -> int:
        """The bytes of the file read so far."""
        return self._raw.tell()

    def go_on(self) -> None:
        """Allow another `BYTES_AT_ONCE` to be read.

        Raises:
            InputError: the packed file unpacks to far more than a table would.
        """
        self._counted.allowed = self._counted.count + BYTES_AT_ONCE
        if self._packed_size is not None:
            check_unpacked(str(self._origin), self._counted.count, self._packed_size)

    def __iter__(self) -> Iterator[str]:
        """Yield the lines in order.

        Raises:
            InputError: the UTF-16 text or the gzip file is damaged.
            TooLongError: more than `BYTES_AT_ONCE` were read since the last `go_on`.
        """
        with self._damage_refused():
            for number, line in enumerate(self._text, 1):
                self.characters += len(line)
                if not line.isascii():
                    decoded = line.translate(NOT_UTF_8)
                    if decoded != line:
                        self.not_utf_8.note(number)
                        line = decoded
                if "\0" in line:
                    self.null_bytes.note(number)
                    line = line.replace("\0", "")
                yield line

    @contextmanager
    def _damage_refused(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self._origin}: the text is not valid {error.encoding} ({error.reason}). "
                "Export the file again as UTF-8."
            ) from error
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InputError(
                f"{self._origin}: the compressed file is damaged ({error}). Export it again."
            ) from error

    def __enter__(self) -> Self:
        """Return the file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._text.close()
        self._raw.close()
