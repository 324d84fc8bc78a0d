"""Generates a data set block by block, into a folder or into the seeds."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from churn.generate.faults import plant_faults
from churn.generate.folder import MANIFEST, replaced, write_json
from churn.generate.history import NEVER, History, simulate
from churn.generate.messages import write_messages
from churn.generate.oracle import area_under_curve, churn_probability
from churn.generate.population import FIRST_ACCOUNT_NUMBER, Flags, Floats, draw_population
from churn.generate.settings import BLOCK_ACCOUNTS, Request, Summary
from churn.generate.tables import FirstIds, make_tables
from churn.generate.truth import JUDGED_PERIOD, LAST_PERIOD, model_facts, truth_tables
from churn.generate.writers import TableFiles, as_text
from churn.project.options import DEFAULT_ACCOUNTS, DEFAULT_SEED, DEFAULT_UNTIL, FileFormat, Signal
from churn.terminal.errors import ChurnError

# Each block has independent random streams, so that a change of the wording, for example, does not
# change anything else.
HISTORY_STREAM, DETAIL_STREAM, MESSAGE_STREAM, ORACLE_STREAM = range(4)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Block:
    """The finished tables of one block of accounts, and the oracle's predictions for it."""

    tables: dict[str, pa.Table]
    truth: dict[str, pa.Table]
    judged: Floats  # 90-day probabilities of customers alive 90 days before the last day
    ended: Flags  # whether they ended


def generate(
    out: Path,
    *,
    accounts: int = DEFAULT_ACCOUNTS,
    seed: int = DEFAULT_SEED,
    signal: Signal = "strong",
    file_format: FileFormat = "csv",
    prefix: str = "",
    faults: bool = True,
    until: date = DEFAULT_UNTIL,
    progress: Progress | None = None,
) -> Summary:
    """Write the customers of an invented company, with known causes of churn, to the folder `out`.

    The six tables of `vars: saas_tables` become `<prefix><table>.<file_format>`, and the hidden
    truth goes to `out/truth`. There are about 62 usage rows and 6 tickets per account, over 660
    days that end on `until`. The same arguments give the same bytes. `signal` scales the causes of
    churn (`null`: churn is pure chance). `faults` plants about two dozen faults of real exports;
    all columns are then text, also in Parquet. `progress` is called with the finished and total
    accounts.

    `out` is replaced as a whole after everything is written, and only if it is missing, empty or
    an earlier output. Raises InputError otherwise and for bad arguments. Raises ChurnError if the
    disk refuses the write.
    """
    request = Request(accounts, seed, signal, file_format, prefix, faults, until)
    with replaced(out) as folder:
        summary = write_files(request, folder, progress)
        arguments = {**asdict(request), "until": request.until.isoformat()}
        write_json(folder / MANIFEST, {"arguments": arguments, "rows": summary.rows})
    return Summary(out, out / "truth", summary.rows, summary.oracle_auc)


def write_seeds(folder: Path) -> Summary:
    """Write the bundled sample, `raw_<table>.csv`, into `folder`, and replace it file by file.

    The truth is not written. Raises ChurnError if the disk refuses the write.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".sample-", dir=folder.parent) as scratch:
            summary = write_files(Request(prefix="raw_"), Path(scratch))
            for path in sorted(Path(scratch).glob("raw_*.csv")):
                path.replace(folder / path.name)
    except OSError as error:
        raise ChurnError(f"Could not write {folder}: {error.strerror or error}.") from error
    return Summary(folder, None, summary.rows, summary.oracle_auc)


def write_files(request: Request, folder: Path, progress: Progress | None = None) -> Summary:
    """Write the tables and the truth into `folder`, which must exist and be empty."""
    truth_folder = folder / "truth"
    truth_folder.mkdir()
    judged, ended = [], []
    done = 0
    with ExitStack() as stack:
        tables = TableFiles(folder, request.file_format, request.prefix, stack)
        truth = TableFiles(truth_folder, request.file_format, "", stack)
        for block in blocks(request):
            tables.write(block.tables)
            truth.write(block.truth)
            judged.append(block.judged)
            ended.append(block.ended)
            done += len(block.truth["company_stories"])
            if progress:
                progress(done, request.accounts)
    auc = area_under_curve(np.concatenate(judged), np.concatenate(ended))
    write_json(truth_folder / "model.json", model_facts(request, auc))
    return Summary(folder, truth_folder, tables.rows, auc.value if auc else None)


def blocks(request: Request) -> Iterator[Block]:
    """Yield the blocks of a request in order, each with its own random numbers."""
    first_ids = FirstIds()
    for number, size in enumerate(request.block_sizes()):
        first_account = FIRST_ACCOUNT_NUMBER + number * BLOCK_ACCOUNTS
        yield make_block(request, number, first_account, size, first_ids)


def make_block(
    request: Request, number: int, first_account: int, size: int, first_ids: FirstIds
) -> Block:
    """Simulate one block and return its tables; only the first block gets faults."""
    coefficients = request.coefficients
    random = stream(request.seed, number, HISTORY_STREAM)
    population = draw_population(random, first_account, size)
    history = simulate(random, population, coefficients, (JUDGED_PERIOD, LAST_PERIOD))
    messages = write_messages(
        stream(request.seed, number, MESSAGE_STREAM),
        population,
        history.tickets,
        request.first_day.month - 1,
    )
    details = stream(request.seed, number, DETAIL_STREAM)
    tables = make_tables(details, request, history, messages, first_ids)
    chances = oracle_chances(request, number, history)
    truth = truth_tables(request, history, messages, tables["support_tickets"], chances)
    if request.faults:
        tables = {name: as_text(table) for name, table in tables.items()}
    if request.faults and number == 0:
        tables, truth["planted_faults"] = plant_faults(tables, request.until)
    alive = history.moments[JUDGED_PERIOD].alive
    return Block(tables, truth, chances[JUDGED_PERIOD], history.end_day[alive] < NEVER)


def oracle_chances(request: Request, number: int, history: History) -> dict[int, Floats]:
    """Return the true 90-day probabilities at each remembered moment, by period."""
    random = stream(request.seed, number, ORACLE_STREAM)
    return {
        period: churn_probability(random, history.population, request.coefficients, moment)
        for period, moment in history.moments.items()
    }


def stream(seed: int, block: int, purpose: int) -> np.random.Generator:
    """Return a random generator that depends only on the seed, the block and the purpose."""
    key = np.array([seed, block], dtype=np.uint64)
    counter = np.array([0, 0, 0, purpose], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
