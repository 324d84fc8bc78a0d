"""A placeholder until the pages are here."""

from pathlib import Path

from churn.export.rows import Export


def write_playbooks(export: Export, folder: Path) -> None:
    """Write nothing."""
