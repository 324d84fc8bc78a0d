"""Quotes names, values and paths for DuckDB's SQL, whatever they contain."""

from pathlib import Path


def identifier(name: str) -> str:
    """Quote the name of a column, a table or a schema."""
    return _between('"', name)


def literal(value: str) -> str:
    """Quote a text value."""
    return _between("'", value)


def file_pattern(path: Path) -> str:
    """Quote a path where DuckDB expects a glob pattern, so that it matches only this file."""
    return "".join(f"[{letter}]" if letter in "[*?" else letter for letter in str(path))


def _between(quote: str, text: str) -> str:
    return f"{quote}{text.replace(quote, 2 * quote)}{quote}"
