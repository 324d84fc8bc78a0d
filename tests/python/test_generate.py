"""The sample generator: the same arguments give the same bytes, and churn has a known cause."""

import csv
import filecmp
import json
import os
import signal as signals
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.files.made import MARKER
from churn.generate import Summary, area_under_curve, generate, write_seeds
from churn.generate.folder import MANIFEST
from churn.generate.messages import KINDS
from churn.generate.names import LOCALES
from churn.generate.phrases import LANGUAGES, PHRASES, TOPICS
from churn.generate.population import account_names, draw_population
from churn.generate.run import HISTORY_STREAM, stream
from churn.generate.settings import BLOCK_ACCOUNTS, COEFFICIENTS, TABLES
from churn.generate.writers import as_text
from churn.project import Project
from churn.terminal.errors import ChurnError, InputError

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds" / "saas"
UNTIL = date(2026, 9, 27)
LARGEST_COMMITTED_FILE = 3_000_000

Rows = list[dict[str, str]]


def read_csv(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def assert_same_bytes(one: Path, other: Path) -> None:
    assert files(one) == files(other)
    match, mismatch, errors = filecmp.cmpfiles(one, other, files(one), shallow=False)
    assert not mismatch
    assert not errors
    assert match


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """The tables without faults."""
    folder = tmp_path_factory.mktemp("clean") / "data"
    generate(folder, faults=False)
    return {name: read_csv(folder / f"{name}.csv") for name in TABLES}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the default data: the bundled sample with its truth."""
    folder = tmp_path_factory.mktemp("faulty") / "data"
    generate(folder)
    return folder


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Summary]]:
    """A larger customer base for each signal strength."""
    worlds = {}
    for strength in COEFFICIENTS:
        folder = tmp_path_factory.mktemp(strength) / "data"
        summary = generate(
            folder, accounts=4000, seed=11, signal=strength, file_format="parquet", faults=False
        )
        worlds[strength] = folder, summary
    return worlds


# ------------------------------------------------------------------ the same bytes


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    # two blocks, so that their order matters
    generate(tmp_path / "a", accounts=BLOCK_ACCOUNTS + 20, seed=5)
    threads = pa.cpu_count()
    pa.set_cpu_count(1)
    try:
        generate(tmp_path / "b", accounts=BLOCK_ACCOUNTS + 20, seed=5)
    finally:
        pa.set_cpu_count(threads)
    assert_same_bytes(tmp_path / "a", tmp_path / "b")


def test_another_seed_gives_other_data(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate(tmp_path / str(seed), accounts=20, seed=seed)
    for table in TABLES:
        one, other = ((tmp_path / str(seed) / f"{table}.csv").read_bytes() for seed in (1, 2))
        assert one != other, table


def test_a_block_does_not_depend_on_the_blocks_after_it(tmp_path: Path) -> None:
    for blocks in (1, 2):
        generate(tmp_path / str(blocks), accounts=blocks * BLOCK_ACCOUNTS)
    for table in TABLES:
        short, long = ((tmp_path / str(n) / f"{table}.csv").read_bytes() for n in (1, 2))
        assert long.startswith(short), table


def test_the_bundled_sample_is_what_the_generator_makes(tmp_path: Path) -> None:
    write_seeds(tmp_path)
    names = [f"raw_{table}.csv" for table in sorted(TABLES)]
    assert files(tmp_path) == names
    for name in names:
        assert (SEEDS / name).read_bytes() == (tmp_path / name).read_bytes(), (
            f"{name} differs: run `make sample`"
        )
        assert (SEEDS / name).stat().st_size < LARGEST_COMMITTED_FILE


def test_no_table_depends_on_the_time_of_day_or_the_place(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from churn.generate import generate; "
    code += "generate(Path(sys.argv[1]), accounts=10)"
    for zone, hashing in (("Asia/Tokyo", "1"), ("America/Lima", "2")):
        environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": hashing}
        subprocess.run(
            [sys.executable, "-c", code, tmp_path / hashing], check=True, env=environment
        )
    assert_same_bytes(tmp_path / "1", tmp_path / "2")


# ------------------------------------------------------------------ the shape of the tables


def test_columns_are_those_of_the_contract(
    clean: dict[str, Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for name, spec in Project().tables.items():
        if spec.not_in_sample:
            continue
        found = set(clean[name][0])
        if name == "ticket_messages":
            assert {"subject", "body"} <= found <= set(spec.columns)
        else:
            assert found == set(spec.columns), name


@pytest.mark.parametrize("faults", [False, True])
def test_csv_and_parquet_hold_the_same(tmp_path: Path, faults: bool) -> None:
    generate(tmp_path / "csv", accounts=60, faults=faults)
    generate(tmp_path / "parquet", accounts=60, faults=faults, file_format="parquet")
    for table in TABLES:
        parquet = pq.read_table(tmp_path / "parquet" / f"{table}.parquet")
        for position, field in enumerate(parquet.schema):
            if pa.types.is_timestamp(field.type):
                seconds = parquet[field.name].cast(pa.timestamp("s"))
                parquet = parquet.set_column(position, field.name, seconds)
        rows = as_text(parquet).to_pylist()
        expected = [{name: value or "" for name, value in row.items()} for row in rows]
        assert read_csv(tmp_path / "csv" / f"{table}.csv") == expected


def test_parquet_is_typed(worlds: dict[str, tuple[Path, Summary]]) -> None:
    schema = pq.read_schema(worlds["strong"][0] / "feature_usage.parquet")
    assert schema.field("usage_date").type == pa.date32()
    assert schema.field("usage_count").type == pa.int64()
    assert schema.field("is_beta_feature").type == pa.bool_()


def test_csv_files_have_line_feeds_and_a_prefix(tmp_path: Path) -> None:
    generate(tmp_path / "out", accounts=5, prefix="acme_")
    text = (tmp_path / "out" / "acme_accounts.csv").read_bytes()
    assert text.startswith(b"account_id,account_name,")
    assert text.endswith(b"\n")
    assert b"\r" not in text


def test_rows_are_counted(faulty: Path, tmp_path: Path) -> None:
    manifest = json.loads((faulty / MANIFEST).read_text())
    for table in TABLES:
        assert manifest["rows"][table] == len(read_csv(faulty / f"{table}.csv"))


def test_progress_reaches_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    generate(
        tmp_path / "out",
        accounts=BLOCK_ACCOUNTS + 1,
        progress=lambda done, total: seen.append((done, total)),
    )
    total = BLOCK_ACCOUNTS + 1
    assert seen == [(BLOCK_ACCOUNTS, total), (total, total)]


# ------------------------------------------------------------------ data without faults


def test_ids_are_unique_and_parents_exist(clean: dict[str, Rows]) -> None:
    for table in ("accounts", "subscriptions", "feature_usage", "churn_events", "support_tickets"):
        key = next(iter(clean[table][0]))
        ids = [row[key] for row in clean[table]]
        assert all(ids)
        assert len(set(ids)) == len(ids), table
    accounts = {row["account_id"] for row in clean["accounts"]}
    subscriptions = {row["subscription_id"] for row in clean["subscriptions"]}
    tickets = {row["ticket_id"] for row in clean["support_tickets"]}
    for table in ("subscriptions", "churn_events", "support_tickets", "ticket_messages"):
        assert {row["account_id"] for row in clean[table]} <= accounts, table
    assert {row["subscription_id"] for row in clean["feature_usage"]} <= subscriptions
    assert {row["ticket_id"] for row in clean["ticket_messages"]} <= tickets


def test_usage_lies_inside_its_subscription(clean: dict[str, Rows]) -> None:
    lives = {
        row["subscription_id"]: (row["start_date"], row["end_date"] or UNTIL.isoformat())
        for row in clean["subscriptions"]
    }
    for row in clean["feature_usage"]:
        start, end = lives[row["subscription_id"]]
        assert start <= row["usage_date"] <= end, row
        assert int(row["usage_count"]) > 0


def test_dates_are_in_order(clean: dict[str, Rows]) -> None:
    signup = {row["account_id"]: row["signup_date"] for row in clean["accounts"]}
    for row in clean["subscriptions"]:
        assert signup[row["account_id"]] <= row["start_date"] <= UNTIL.isoformat()
        assert not row["end_date"] or row["start_date"] <= row["end_date"] <= UNTIL.isoformat()
        assert not row["renewal_date"] or row["renewal_date"] > (
            row["end_date"] or UNTIL.isoformat()
        )
    for row in clean["support_tickets"]:
        assert signup[row["account_id"]] <= row["submitted_at"][:10] <= UNTIL.isoformat()
        assert not row["closed_at"] or row["submitted_at"] <= row["closed_at"]
        assert row["closed_at"][:10] <= UNTIL.isoformat()
        assert bool(row["closed_at"]) == bool(row["resolution_time_hours"])
        assert row["closed_at"] or not row["satisfaction_score"]
    assert max(row["usage_date"] for row in clean["feature_usage"]) == UNTIL.isoformat()


def test_money_and_flags_agree(clean: dict[str, Rows]) -> None:
    left: Counter[str] = Counter()
    for row in clean["subscriptions"]:
        assert int(row["arr_amount"]) == 12 * int(row["mrr_amount"])
        assert (row["mrr_amount"] == "0") == (row["is_trial"] == "true")
        assert (row["end_date"] != "") == (row["churn_flag"] == "true")
        left[row["account_id"]] += row["churn_flag"] == "true"
    assert Counter(row["account_id"] for row in clean["churn_events"]) == +left
    for row in clean["accounts"]:
        assert (row["churn_flag"] == "true") == (left[row["account_id"]] > 0)


def test_company_names_are_unique_and_harmless(clean: dict[str, Rows]) -> None:
    names = [row["account_name"] for row in clean["accounts"]]
    assert len(set(names)) == len(names)
    assert not any(set(name) & set("<>\"'`=;\n") for name in names)
    assert any(not name.isascii() for name in names)
    assert all(row["csm_email"].endswith("@example.com") or not row["csm_name"]
               for row in clean["accounts"])  # fmt: skip


def test_company_names_stay_unique_in_large_data() -> None:
    seen: set[str] = set()
    for block in range(100):
        accounts = draw_population(
            stream(7, block, HISTORY_STREAM), 1001 + block * BLOCK_ACCOUNTS, BLOCK_ACCOUNTS
        ).accounts
        seen.update(account_names(accounts, seed=7)[0])
    assert len(seen) == 100 * BLOCK_ACCOUNTS


def test_every_topic_can_be_written_in_every_language() -> None:
    assert tuple(KINDS) == TOPICS
    assert {locale.language for locale in LOCALES} <= set(LANGUAGES)
    for language in LANGUAGES:
        missing = {topic for topic in TOPICS if (language, topic) not in PHRASES}
        assert missing <= {"feature_request", "onboarding"}


# ------------------------------------------------------------------ the sample


def test_no_feed_is_late_or_thin_at_the_end() -> None:
    for table, column in (("feature_usage", "usage_date"), ("support_tickets", "submitted_at")):
        days = Counter(row[column][:10] for row in read_csv(SEEDS / f"raw_{table}.csv"))

        def volume(first: int, last: int, days: Counter[str] = days) -> int:
            return sum(
                days[(UNTIL - timedelta(days=back)).isoformat()] for back in range(first, last)
            )

        usual = volume(7, 63) / 8
        assert volume(0, 7) >= 0.7 * usual, table
        assert all(volume(back, back + 3) for back in range(63)), table


def test_planted_faults_are_in_the_tables(faulty: Path) -> None:
    planted = read_csv(faulty / "truth" / "planted_faults.csv")
    assert len({row["fault"] for row in planted}) == 17
    tables = {name: read_csv(faulty / f"{name}.csv") for name in TABLES}
    for fault in planted:
        table = tables[fault["source_table"]]
        key = next(iter(table[0]))
        found = [row for row in table if row[key] == fault["row_id"]]
        assert any(row[fault["column_name"]] == fault["value"] for row in found), fault
        twice = fault["fault"] in {
            "second row of an account",
            "same row twice",
            "one id on two different rows",
        }
        assert len(found) == 1 + twice
        if fault["fault"] == "same row twice":
            assert found[0] == found[1]
        elif twice:
            assert found[0] != found[1]
    valid = [
        row["usage_date"] for row in tables["feature_usage"] if "-13-" not in row["usage_date"]
    ]
    assert max(valid) == UNTIL.isoformat()


# ------------------------------------------------------------------ the truth


def test_the_truth_is_not_in_the_tables(clean: dict[str, Rows]) -> None:
    hidden = (
        "declin",
        "hazard",
        "topic",
        "label",
        "friction",
        "story",
        "level",
        "probab",
        "chance",
    )
    for name, rows in clean.items():
        for column in rows[0]:
            assert not any(word in column for word in hidden), (name, column)
    queues = {row["queue"] for row in clean["ticket_messages"]}
    kinds = {row["type"] for row in clean["ticket_messages"]}
    assert not (queues | kinds) & set(TOPICS)


def test_no_loader_takes_the_truth_for_a_table(faulty: Path) -> None:
    stems = [path.stem.lower() for path in (faulty / "truth").iterdir()]
    assert len(stems) == 6
    assert not [stem for stem in stems if stem.endswith(TABLES)]


def test_the_oracle_knows_as_much_as_the_signal_lets_it(
    worlds: dict[str, tuple[Path, Summary]],
) -> None:
    auc = {}
    for strength, (folder, summary) in worlds.items():
        chances = pq.read_table(folder / "truth" / "churn_chances.parquet")
        judged = chances.filter(chances["ended"].is_valid())
        found = area_under_curve(
            judged["chance_90d"].to_numpy(), judged["ended"].to_numpy(zero_copy_only=False)
        )
        assert found is not None
        assert found.value == pytest.approx(summary.oracle_auc, abs=0.001)
        auc[strength] = found
    assert auc["strong"].low < 0.84
    assert auc["strong"].value > 0.78
    assert auc["null"].low <= 0.5 <= auc["null"].high
    assert auc["null"].high < auc["weak"].low
    assert auc["weak"].high < auc["strong"].low


def test_the_chances_are_as_large_as_what_happens(worlds: dict[str, tuple[Path, Summary]]) -> None:
    for folder, _ in worlds.values():
        chances = pq.read_table(folder / "truth" / "churn_chances.parquet")
        judged = chances.filter(chances["ended"].is_valid())
        chance = judged["chance_90d"].to_numpy()
        ended = judged["ended"].to_numpy(zero_copy_only=False).sum()
        assert abs(chance.sum() - ended) < 4 * np.sqrt((chance * (1 - chance)).sum())


def test_visible_signals_foretell_churn_only_where_they_cause_it(
    worlds: dict[str, tuple[Path, Summary]],
) -> None:
    causes = COEFFICIENTS["strong"]
    for strength, (folder, _) in worlds.items():
        states = pq.read_table(folder / "truth" / "hidden_states.parquet")
        chances = pq.read_table(folder / "truth" / "churn_chances.parquet")
        judged = chances.filter(chances["ended"].is_valid())
        together = judged.join(
            states,
            ["customer_id", "as_of_date"],
            right_keys=["customer_id", "period_end"],
            join_type="inner",
        )
        score = (
            causes.drop * together["usage_drop"].to_numpy()
            + causes.tickets * together["tickets"].to_numpy()
            + causes.errors * together["errors"].to_numpy()
            + causes.dissatisfaction * together["dissatisfaction"].to_numpy()
        )
        auc = area_under_curve(score, together["ended"].to_numpy(zero_copy_only=False))
        assert auc is not None
        if strength == "null":
            assert auc.low <= 0.5 <= auc.high
        else:
            assert auc.low > 0.5


def test_area_under_curve() -> None:
    score = np.array([0.1, 0.4, 0.35, 0.8])
    label = np.array([False, False, True, True])
    auc = area_under_curve(score, label)
    assert auc is not None
    assert auc.value == pytest.approx(0.75)
    ties = area_under_curve(np.ones(4), label)
    assert ties is not None
    assert ties.value == pytest.approx(0.5)
    assert area_under_curve(score, np.zeros(4, dtype=bool)) is None


# ------------------------------------------------------------------ the output folder


@pytest.mark.parametrize(
    "arguments",
    [
        {"accounts": 0},
        {"accounts": -3},
        {"seed": -1},
        {"seed": 2**63},
        {"signal": "loud"},
        {"file_format": "xlsx"},
        {"prefix": "../"},
        {"prefix": "a/b"},
        {"until": date(1066, 10, 14)},
    ],
)
def test_bad_arguments_are_refused(tmp_path: Path, arguments: dict[str, object]) -> None:
    with pytest.raises(InputError):
        generate(tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert files(tmp_path) == []


@pytest.mark.parametrize("accounts", [1, 2, 3])
def test_tiny_companies_work(tmp_path: Path, accounts: int) -> None:
    summary = generate(tmp_path / "out", accounts=accounts)
    assert summary.rows["accounts"] >= accounts
    assert summary.rows["feature_usage"] > 0


def test_an_earlier_output_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    generate(out, accounts=5, file_format="parquet", prefix="old_")
    generate(out, accounts=5, seed=3)
    generate(tmp_path / "expected", accounts=5, seed=3)
    assert_same_bytes(out, tmp_path / "expected")
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    generate(tmp_path, accounts=2)
    assert (tmp_path / "accounts.csv").is_file()


@pytest.mark.parametrize("marker", [None, "{}", '{"made_by": "load", "files": {"mine.csv": []}}'])
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, marker: str | None) -> None:
    (tmp_path / "mine.csv").write_text("precious")
    if marker:
        (tmp_path / MARKER).write_text(marker)
    before = files(tmp_path)
    with pytest.raises(InputError, match=r"no generation has put there: .*set --out to another"):
        generate(tmp_path, accounts=2)
    assert files(tmp_path) == before
    assert (tmp_path / "mine.csv").read_text() == "precious"


def test_a_file_that_a_person_added_is_not_lost(tmp_path: Path) -> None:
    generate(tmp_path / "out", accounts=2)
    (tmp_path / "out" / "truth" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"truth/notes\.txt"):
        generate(tmp_path / "out", accounts=2)
    assert (tmp_path / "out" / "truth" / "notes.txt").read_text() == "mine"


def test_a_file_or_the_working_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is not a folder"):
        generate(tmp_path / "file", accounts=1)
    with pytest.raises(ChurnError):
        generate(tmp_path / "file" / "out", accounts=1)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError, match="working in"):
        generate(Path(), accounts=1)


def test_an_error_leaves_the_earlier_output(tmp_path: Path) -> None:
    def fail(done: int, total: int) -> None:
        raise OSError(28, "No space left on device")

    generate(tmp_path / "out", accounts=2)
    generate(tmp_path / "expected", accounts=2)
    with pytest.raises(ChurnError, match="No space left"):
        generate(tmp_path / "out", accounts=3, progress=fail)
    assert_same_bytes(tmp_path / "out", tmp_path / "expected")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected", "out"]


KILLED = """
import os, signal, sys
from pathlib import Path
from churn.generate import generate

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

moment, out = sys.argv[1], Path(sys.argv[2])
if moment == "while writing":
    generate(out, accounts=3, progress=die)
renames = 0
rename = Path.rename
def rename_and_die(self, target):
    global renames
    renames += 1
    rename(self, target)
    if renames == int(moment):
        die()
Path.rename = rename_and_die
generate(out, accounts=3)
"""


@pytest.mark.parametrize(
    "moment",
    ["while writing", *(pytest.param(number, marks=pytest.mark.slow) for number in "123")],
)
def test_killed_at_any_time_the_same_command_succeeds(tmp_path: Path, moment: str) -> None:
    generate(tmp_path / "out", accounts=2)
    killed = subprocess.run([sys.executable, "-c", KILLED, moment, tmp_path / "out"], check=False)
    assert killed.returncode == -signals.SIGKILL
    generate(tmp_path / "out", accounts=3)
    generate(tmp_path / "expected", accounts=3)
    assert_same_bytes(tmp_path / "out", tmp_path / "expected")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected", "out"]


def test_two_writers_of_one_folder_do_not_mix(tmp_path: Path) -> None:
    def again(done: int, total: int) -> None:
        with pytest.raises(ChurnError, match="Another generation into"):
            generate(tmp_path / "out", accounts=2)

    generate(tmp_path / "out", accounts=2, progress=again)
    generate(tmp_path / "expected", accounts=2)
    assert_same_bytes(tmp_path / "out", tmp_path / "expected")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_accounts(tmp_path: Path) -> None:
    code = "import resource, sys; from pathlib import Path; from churn.generate import generate; "
    code += "generate(Path(sys.argv[1]), accounts=int(sys.argv[2])); "
    code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    peak = [
        int(
            subprocess.run(
                [sys.executable, "-c", code, tmp_path / str(accounts), str(accounts)],
                check=True,
                capture_output=True,
            ).stdout
        )
        for accounts in (1000, 4000)
    ]
    assert peak[1] < 1.2 * peak[0]
