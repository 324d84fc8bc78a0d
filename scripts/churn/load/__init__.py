"""The user's data in: find the files, check them, write one canonical Parquet file a table."""

from churn.load.loader import load
from churn.load.summary import LoadSummary, TableSummary, print_summary
from churn.load.swap import recover

__all__ = ["LoadSummary", "TableSummary", "load", "print_summary", "recover"]
