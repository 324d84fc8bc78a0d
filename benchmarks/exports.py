"""Measures exports, and logging one outcome, with ten thousand customers at risk.

Run it on an otherwise idle machine: .venv/bin/python benchmarks/exports.py

It first generates and builds a company of that size, which takes some minutes.
"""

import os
import sys
import tempfile
from pathlib import Path

import duckdb

from churn.project.options import EXPORT_FORMATS
from measure import measured

ACCOUNTS = 49_000
CHURN = Path(sys.executable).with_name("churn")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = os.environ | {
            "CHURN_WAREHOUSE": str(folder / "churn.duckdb"),
            "CHURN_STORE_DIR": str(folder / "store"),
            "CHURN_EXPORT_DIR": str(folder / "exports"),
            "CHURN_TEMP_DIR": str(folder / "spill"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        }
        data = folder / "generated"
        making = ("generate", "--out", data, "--accounts", ACCOUNTS, "--format", "parquet")
        measured([CHURN, *making], environment)
        seconds, peak = measured([CHURN, "run", "--data", data], environment)
        print(f"Load, build, tests and publication: {seconds:.0f} s, peak {peak:,.0f} MB")
        with duckdb.connect(environment["CHURN_WAREHOUSE"], read_only=True) as warehouse:
            sql = "select customer_id from marts.at_risk_customers where is_active"
            customers = [customer for (customer,) in warehouse.execute(sql).fetchall()]
        print(f"{len(customers):,} active customers at risk")
        formats = ",".join(name for name in EXPORT_FORMATS if name != "pdf")
        for what in ("Exports but PDFs", "The same again"):
            seconds, peak = measured([CHURN, "export", "--format", formats], environment)
            print(f"{what}: {seconds:.1f} s, peak {peak:,.0f} MB")
        seconds, peak = measured([CHURN, "outcome", "add", customers[0], "contacted"], environment)
        print(f"One outcome logged: {seconds:.2f} s, peak {peak:,.0f} MB")


if __name__ == "__main__":
    main()
