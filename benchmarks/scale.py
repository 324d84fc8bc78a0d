"""Measures a build at any scale, beside hand-written SQL, pandas and Spark.

    make bench SCALE=100            or    .venv/bin/python benchmarks/scale.py 100

A scale of 1 means 25,000 usage rows, 50 per customer. Contenders take turns, each in a separate
process, and the order is reversed from run to run. Their scores are compared. Data and results are
stored in build/bench, so the benchmark can be killed and restarted at any time.
"""

import os
import re
import shutil
import signal
import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from churn.files.swap import exclusive
from churn.project.profile import profile
from churn.terminal.errors import ChurnError
from measure import Failure
from scaling.contenders import CONTENDERS, LARGEST_SCALE_OF_FLOOR, Contender, Place
from scaling.data import Company, company
from scaling.equality import UnequalError, check
from scaling.results import Result, machine, read_all
from scaling.tables import show, show_bars, write_page

FOLDER = Path("build/bench")
PAGE = Path("docs/benchmarks.md")
WORK = "work-"
MEMORY = re.compile(r"\d+(\.\d+)?[KMGT](I?B)?")


def runs_of(scale: float) -> int:
    """The default number of runs at a scale: fewer for slow scales."""
    return 3 if scale < 1000 else 2 if scale < 4000 else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and store; returns 1 if a contender failed or gave other scores, else 0."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("scales", nargs="*", type=float, default=[100.0], metavar="SCALE")
    parser.add_argument("--runs", type=int, help="of each contender; 3, at scale 1000 2, at 4000 1")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in CONTENDERS])
    parser.add_argument(
        "--memory-limit",
        type=lambda limit: limit.replace(" ", "").upper(),
        help="of DuckDB, such as 1GB; as the profile says",
    )
    parser.add_argument("--history", action="store_true", help="build everything, not the core")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE} from all results kept")
    options = parser.parse_args(arguments)
    if any(scale < 0.04 for scale in options.scales):
        parser.error("a scale is 0.04 (1,000 usage rows) or more")
    if options.runs is not None and options.runs < 1:
        parser.error("of each contender there is one run (RUNS=1) or more")
    if options.memory_limit and not MEMORY.fullmatch(options.memory_limit):
        parser.error("a memory limit is a size, such as 512MB or 1GB")
    # turn SIGTERM into an exit, so that child processes end, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console(width=None if sys.stdout.isatty() else 140)
    if options.memory_limit:
        os.environ["CHURN_MEMORY_LIMIT"] = options.memory_limit
    kept = FOLDER / ("results-history" if options.history else "results")
    contenders = [one for one in CONTENDERS if options.only is None or one.name in options.only]
    try:
        with exclusive(FOLDER.resolve() / "bench", work="benchmark"):
            for scale in options.scales:
                result = measure(
                    scale,
                    contenders,
                    options.runs or runs_of(scale),
                    everything=options.history,
                    console=console,
                )
                show(result.keep(kept), console)
            results = read_all(kept)
            show_bars(results, console)
            if options.page:
                write_page(PAGE, results)
    except (ChurnError, Failure, UnequalError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    return 0


def measure(
    scale: float, contenders: Sequence[Contender], runs: int, *, everything: bool, console: Console
) -> Result:
    """Run all able contenders `runs` times at one scale."""
    for left_over in FOLDER.glob(f"{WORK}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    with console.status(f"Scale {scale:g}: making the data"):
        data = company(scale, FOLDER / "data")
    settings = {
        "memory_limit": profile()["config_options"]["memory_limit"],
        "usual_memory_limit": profile(environment={})["config_options"]["memory_limit"],
        "everything": everything,
    }
    result = Result(scale, data.facts, settings, machine())
    able = []
    for contender in contenders:
        why = contender.hindrance(scale, result.usage_rows)
        if why:
            result.skipped[contender.name] = why
            console.print(f"Left out: {contender.name}: {why}.", markup=False, highlight=False)
        else:
            able.append(contender)
    for number in range(runs):
        # very slow contenders run only in the first round
        turn = [one for one in able if number == 0 or not one.once]
        turn = turn if number % 2 == 0 else turn[::-1]
        run_once(turn, data, result, everything=everything, console=console)
    result.finished = datetime.now(UTC).isoformat(timespec="seconds")
    return result


def run_once(
    contenders: Sequence[Contender],
    data: Company,
    result: Result,
    *,
    everything: bool,
    console: Console,
) -> None:
    """Run every contender once, in this order, in an empty folder, then compare their scores."""
    with tempfile.TemporaryDirectory(prefix=WORK, dir=FOLDER) as folder:
        place = Place(Path(folder).resolve(), data, everything)
        for contender in contenders:
            with console.status(f"Scale {result.scale:g}: {contender.name}"):
                found = contender.work(place)
            for name, run in found.items():
                result.runs.setdefault(name, []).append(run)
                console.print(
                    f"{name}: {run['seconds']:.2f} s, {run['cpu_seconds']:.1f} s of processors, "
                    f"{run['peak_bytes'] / 1e6:,.0f} MB",
                    markup=False,
                    highlight=False,
                )
        if result.scale > LARGEST_SCALE_OF_FLOOR:
            return
        with console.status(f"Scale {result.scale:g}: comparing the scores"):
            compared = check(place)
        console.print(f"Same scores as the floor: {', '.join(compared) or 'nobody ran'}.")


if __name__ == "__main__":
    sys.exit(main())
