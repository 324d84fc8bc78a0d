"""The generator's arguments, and the constants of the simulated world."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

from churn.project.options import DEFAULT_ACCOUNTS, DEFAULT_SEED, DEFAULT_UNTIL, FileFormat, Signal
from churn.terminal.errors import InputError

# Time is divided into periods of 30 days; the last one ends on the last day of the history.
PERIOD_DAYS = 30
PERIODS = 22
HISTORY_DAYS = PERIOD_DAYS * PERIODS
# A live customer has a usage row in each of a period's five slots, unless it used nothing.
SLOTS = 5
# The oracle looks 90 days ahead.
HORIZON_PERIODS = 3

# Accounts are simulated in blocks, each with its own random numbers.
BLOCK_ACCOUNTS = 500
MAX_SUBSCRIPTIONS = 3

TABLES = (
    "accounts",
    "subscriptions",
    "feature_usage",
    "churn_events",
    "support_tickets",
    "ticket_messages",
)


@dataclass(frozen=True)
class Coefficients:
    """The causes of churn: the logit of the hazard of ending within the next 30 days.

    `intercept` + `drop` x fall in usage since the previous period (0 to 1) + `tickets` x tickets
    + `errors` x errors + `dissatisfaction` x points of the mean rating below 3.5 + `downgrade` if
    downgraded + `trial` if on trial. Tickets, errors and ratings are those of the past 30 days.
    """

    intercept: float
    drop: float
    tickets: float
    errors: float
    dissatisfaction: float
    downgrade: float
    trial: float


# The intercepts of weaker signals keep the churn rate close to that of the strong signal.
COEFFICIENTS: dict[Signal, Coefficients] = {
    "strong": Coefficients(-6.3, 4.0, 0.55, 0.10, 1.2, 1.4, 0.6),
    "weak": Coefficients(-4.5, 1.2, 0.17, 0.03, 0.36, 0.42, 0.18),
    "null": Coefficients(-3.75, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}


@dataclass(frozen=True)
class Request:
    """The arguments of one generation, checked on construction.

    Raises InputError for a number of accounts below 1, a seed outside 0 to 2^63 - 1, an unknown
    signal or file format, a prefix that is not a plain file name, or a last day outside 1980 to
    2199.
    """

    accounts: int = DEFAULT_ACCOUNTS
    seed: int = DEFAULT_SEED
    signal: Signal = "strong"
    file_format: FileFormat = "csv"
    prefix: str = ""
    faults: bool = True
    until: date = DEFAULT_UNTIL

    def __post_init__(self) -> None:
        """Check every argument."""
        if self.accounts < 1:
            raise InputError(f"The number of accounts must be 1 or more, not {self.accounts}.")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"The seed must be from 0 to 2^63 - 1, not {self.seed}.")
        if self.signal not in get_args(Signal):
            raise InputError(f"The signal must be strong, weak or null, not {self.signal!r}.")
        if self.file_format not in get_args(FileFormat):
            raise InputError(f"The format must be csv or parquet, not {self.file_format!r}.")
        if self.prefix and not re.fullmatch(r"\w[\w.-]{0,99}", self.prefix):
            raise InputError(
                f"The prefix {self.prefix!r} is no part of a file name: "
                "use letters, digits, '_', '-' and '.'."
            )
        if not 1980 <= self.until.year < 2200:
            raise InputError(
                f"The last day must lie between 1980 and 2199, not {self.until.isoformat()}."
            )

    @property
    def coefficients(self) -> Coefficients:
        """The causes of churn for the chosen `signal`."""
        return COEFFICIENTS[self.signal]

    @property
    def first_day(self) -> date:
        """The first day of the history, from which day numbers count."""
        return self.until - timedelta(days=HISTORY_DAYS - 1)

    def block_sizes(self) -> list[int]:
        """The number of accounts in each block, in output order."""
        full, rest = divmod(self.accounts, BLOCK_ACCOUNTS)
        return [BLOCK_ACCOUNTS] * full + ([rest] if rest else [])


@dataclass(frozen=True)
class Summary:
    """A summary of the generated data.

    `folder` and `truth` are the places (`truth` is None if it was not written). `rows` counts by
    table. `oracle_auc` is the AUC of the true 90-day churn probabilities; it is None if nobody or
    everybody churned.
    """

    folder: Path
    truth: Path | None
    rows: dict[str, int]
    oracle_auc: float | None
