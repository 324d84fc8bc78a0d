"""The values that options allow, and their defaults.

They have a module of their own because `--help` shows them without loading the features.
"""

from datetime import date
from typing import Literal

# of generated data
Signal = Literal["strong", "weak", "null"]
FileFormat = Literal["csv", "parquet"]
DEFAULT_ACCOUNTS = 400
DEFAULT_SEED = 7
DEFAULT_UNTIL = date(2026, 9, 27)
FEWEST_USAGE_ROWS = 1_000
# of generated data with which rule sets are judged beside an oracle
DEFAULT_KNOWN_ACCOUNTS = 2_000

# of the week's calls
Level = Literal["High", "Medium"]
DEFAULT_CAPACITY = 20

# of what reads tickets, as Ollama calls it
DEFAULT_MODEL = "llama3.2:3b"

# of what is exported
EXPORT_FORMATS = ("csv", "xlsx", "tasks", "hubspot", "salesforce", "markdown", "pdf", "digest")

# of the reports, served on this machine
DEFAULT_PORT = 3000
