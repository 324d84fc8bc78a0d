"""Loads the user's files: finds and checks them, and writes one Parquet file per table.

The limits in `limits` protect the machine from hostile files; change them with their tests.
"""

from churn.files.swap import recover
from churn.load.loader import convert_file, load
from churn.load.summary import LoadSummary, TableSummary, print_summary

__all__ = ["LoadSummary", "TableSummary", "convert_file", "load", "print_summary", "recover"]
