"""The backtest on generated data, compared with an oracle that knows the true churn risk."""

import json
import os
from dataclasses import dataclass
from datetime import date

from rich.console import Console

from churn.build.dbt import build
from churn.files.temporary import temporary_place
from churn.generate import Auc, generate
from churn.load import load
from churn.project import Project
from churn.project.options import DEFAULT_KNOWN_ACCOUNTS, DEFAULT_SEED, Signal
from churn.terminal import progress_bar
from churn.warehouse import Row, reading

# A Saturday. The oracle predicts 90 days earlier, on a Sunday, which the backtest also judges.
UNTIL = date(2026, 9, 26)

_OF_DAY = """
    select * from marts.risk_backtest
    where label = 'subscription_ended' and signals = 'dated signals only' and as_of_date = $day
    order by ruleset desc
"""

_VERDICTS = """
    select * from marts.backtest_verdicts
    where label = 'subscription_ended' and signals = 'dated signals only'
    order by ruleset desc
"""


@dataclass(frozen=True)
class Comparison:
    """The oracle and every rule set on the same customers, label and date.

    `oracle` is None if nobody or everybody left. `of_day` and `verdicts` are rows of
    `marts.risk_backtest` and `marts.backtest_verdicts`: subscription_ended, dated signals only.
    """

    accounts: int
    seed: int
    signal: Signal
    as_of_date: date
    horizon_days: int
    oracle: Auc | None
    of_day: list[Row]
    verdicts: list[Row]


def compare(
    console: Console,
    *,
    accounts: int = DEFAULT_KNOWN_ACCOUNTS,
    seed: int = DEFAULT_SEED,
    signal: Signal = "strong",
) -> Comparison:
    """Generate, load and build data in a temporary folder, and compare the rule sets.

    This touches none of the user's files and removes its own. Raises ChurnError if a step fails.
    """
    with temporary_place("churn-backtest-") as folder:
        # use a separate store instead of the user's
        os.environ["CHURN_STORE_DIR"] = str(folder / "store")
        project, source = Project(), folder / "generated"
        with progress_bar(console, "Generating") as progress:
            generate(
                source,
                accounts=accounts,
                seed=seed,
                signal=signal,
                file_format="parquet",
                faults=False,
                until=UNTIL,
                progress=progress,
            )
        truth = json.loads((source / "truth" / "model.json").read_text(encoding="utf-8"))
        with progress_bar(console, "Loading") as progress:
            load(source, project, progress=progress)
        build(
            project,
            console,
            data_dir=project.load_dir,
            variables={
                "as_of_date": UNTIL.isoformat(),
                "backtest_horizon_days": truth["horizon_days"],
            },
            models=["+risk_backtest", "+backtest_verdicts"],
        )
        day = date.fromisoformat(truth["oracle_as_of_date"])
        oracle = truth["oracle_auc"]
        with reading(project) as warehouse:
            return Comparison(
                accounts=accounts,
                seed=seed,
                signal=signal,
                as_of_date=day,
                horizon_days=truth["horizon_days"],
                oracle=Auc(**oracle) if oracle else None,
                of_day=warehouse.select(_OF_DAY, day=day),
                verdicts=warehouse.select(_VERDICTS),
            )
