"""Allowed values and defaults of command-line options.

They have their own module so that `--help` can show them without importing the features.
"""

from datetime import date
from typing import Literal

# for generated data
Signal = Literal["strong", "weak", "null"]
FileFormat = Literal["csv", "parquet"]
DEFAULT_ACCOUNTS = 400
DEFAULT_SEED = 7
DEFAULT_UNTIL = date(2026, 9, 27)
FEWEST_USAGE_ROWS = 1_000
# for generated data with a known truth, to compare rule sets with an oracle
DEFAULT_KNOWN_ACCOUNTS = 2_000

# for the weekly call list
Level = Literal["High", "Medium"]
DEFAULT_CAPACITY = 20

# Ollama's name of the model that reads tickets
DEFAULT_MODEL = "llama3.2:3b"

# for exports
EXPORT_FORMATS = ("csv", "xlsx", "tasks", "hubspot", "salesforce", "markdown", "pdf", "digest")

# for the reports, served on this machine
DEFAULT_PORT = 3000
