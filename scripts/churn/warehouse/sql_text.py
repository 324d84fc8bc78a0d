"""Quotes names, values and paths for DuckDB's SQL, whatever they contain."""

from pathlib import Path


def identifier(name: str) -> str:
    """The name of a column, a table or a schema."""
    return _between('"', name)


def literal(value: str) -> str:
    """A text."""
    return _between("'", value)


def file_pattern(path: Path) -> str:
    """The path where DuckDB expects a pattern, so that it means this file and no other."""
    return "".join(f"[{letter}]" if letter in "[*?" else letter for letter in str(path))


def _between(quote: str, text: str) -> str:
    return f"{quote}{text.replace(quote, 2 * quote)}{quote}"
