"""Measures customer pages: pages per second, and memory, which must not grow with their number.

Build the sample first (`make run`), then run: .venv/bin/python benchmarks/playbooks.py

Every page differs: the customers of the list are repeated with other names and drafts.
"""

from time import perf_counter, process_time

import psutil

from churn.export.playbooks import Printer
from churn.export.rows import read
from churn.project import Project

PAGES = 1_000


def main() -> None:
    """Measure and print."""
    export = read(Project())
    customers = list(export.customers)
    process = psutil.Process()
    pages = Printer()
    started = perf_counter()
    for number in range(PAGES):
        customer = customers[number % len(customers)]
        other = {
            "customer_id": f"S{number}",
            "account": f"{customer['account']} {number}",
            "email_body": f"{customer['email_body']} {number}",
        }
        pages.pdf(customer | other, export)
        if (number + 1) % (PAGES // 5) == 0:
            speed = (number + 1) / (perf_counter() - started)
            memory = process.memory_info().rss / 1e6
            print(f"{number + 1:,} pages: {speed:.1f} a second, {memory:,.0f} MB")
    print(f"{process_time() / PAGES * 1e3:.0f} ms of processor time a page, the start included")


if __name__ == "__main__":
    main()
