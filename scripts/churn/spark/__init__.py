"""Builds the same models on Apache Spark, and compares the rows with DuckDB's.

Handle differences in SQL in `macros/portable.sql`, not here.
"""

from churn.spark.build import build_on_spark, spark_dir
from churn.spark.parity import Comparison, compare_engines, print_comparisons

__all__ = [
    "Comparison",
    "build_on_spark",
    "compare_engines",
    "print_comparisons",
    "spark_dir",
]
