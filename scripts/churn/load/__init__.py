"""The user's data in: find the files, check them, write one canonical Parquet file a table."""

from churn.files.swap import recover
from churn.load.loader import convert_file, load
from churn.load.summary import LoadSummary, TableSummary, print_summary

__all__ = ["LoadSummary", "TableSummary", "convert_file", "load", "print_summary", "recover"]
