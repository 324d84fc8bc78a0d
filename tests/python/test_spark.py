"""DuckDB and Spark give the same rows: for every macro, and for all tables of a difficult company.

The tests also cover the messages that users see when Spark cannot build.
"""

import io
import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from churn.build import dbt
from churn.files.disk import held
from churn.files.made import MARKER, mark
from churn.files.store import append
from churn.project import Project
from churn.spark import build, build_on_spark
from churn.spark.build import first_exception
from churn.terminal.errors import ChurnError
from churn.warehouse.recorded_scores import publish
from conftest import AS_OF, HOSTILE, ODD, Row, Tables, Workspace, company_of, copy_of_project
from spark_engine import SHORT, needs_spark, run_program

# ------------------------------------------------------------------------------ each macro

TEXTS = [
    None,
    "",
    " ",
    "\t padded \r\n",
    "\u00a0no-break\u00a0",
    "two\nlines\r\nand\ttabs",
    "it's \\ \"quoted\" \\n `ticks` ''",
    "a,b,,c",
    "right \u202eto\u202c left\u200b\ufeff\u2028\x85end",
    "𠮷野家 😀 👩‍👩‍👧 ünïcödé",
    "{{ 1 / 0 }} ${HOME} %s $1 \\1",
    "NULL",
    "0",
    "-0",
    "+7",
    "3.0",
    "3.",
    ".5",
    "3.5",
    "1_000",
    "1,000",
    "0x10",
    "1e3",
    "1e-3",
    "1e300",
    "1d",
    "NaN",
    "inf",
    "-12.345",
    "12.345",
    "0.0000005",
    "999999999999",
    "999999999999.9999999",
    "9999999999999",
    "5\u2028",
    "٣",
    "yes",
    "T",
    "1.0",
    "5.00",
    "6",
    "2024-02-29",
    "2023-02-29",
    "2024-2-9",
    "20240229",
    "29/02/2024",
    "0000-01-01",
    "0001-01-01",
    "9999-12-31",
    "2024-12-31T23:30:00-01:00",
    "2024-12-31 23:30:00+0530",
    "2024-12-31 23:30+05",
    "2024-12-31 23:30:00 UTC",
    "2024-12-31 23:30:00 Z",
    "2024-12-31T23:30:00z",
    "2024-12-31 1:05",
    "2024-12-31 1:05:59.1234567",
    "2024-12-31 24:00:00",
    "2024-12-31 23:60:00",
    "2024-12-31 23:59:60",
    "2024-12-31 23:30:00 +15:00",
    "2024-12-31 23:30:00+99",
    "2024-03-31 02:30:00 Europe/Berlin",
]
EXPRESSIONS = {
    "length": "length(text)",
    "left": "left(text, 3)",
    "md5": "md5(text)",
    "lower": "lower(text)",
    "trimmed": "{{ trimmed('text') }}",
    "one_line": "{{ one_line('text') }}",
    "filled_in": "{{ filled_in('text') }}",
    "slack_text": "{{ slack_text('text') }}",
    "is_plain": "{{ matches('text', '^[A-Za-z0-9][A-Za-z0-9_-]*$') }}",
    "first": "{{ first_joined(['null', 'text', \"'b'\", 'text', \"'c'\"], 3, '; ') }}",
    **{
        f"{what}_{kind}": f"{{{{ {macro}(trimmed('text'), '{kind}') }}}}"
        for kind in ("boolean", "date", "timestamp", "count", "duration", "money", "rating")
        for what, macro in (("value", "read_value"), ("fault", "value_fault"))
    },
}
NUMBERS = {
    "share": "{{ share('one', 'other') }}",
    "ratio": "cast({{ exact_ratio('one', 'other') }} * 1000000 as decimal(38, 6))",
    "decimal_share": "{{ decimal_share('one', 'other') }}",
    "commas": "{{ with_commas('one') }}",
    "influence": "cast({{ influence('cast(one as double) / 3e10') }} as decimal(18, 6))",
    "quantile": "{{ rounded_fraction(t_quantile('nullif(other, 0)')) }}",
    "low": "{{ logit_limit('cast(' ~ share('one', 'other') ~ ' as double)', '0.1', '-') }}",
    "high": "{{ auc_limit('cast(' ~ share('one', 'other') ~ ' as double)', '0.1', '+') }}",
    "level": "{{ risk_level('one') }}",
}
PAIRS = [
    *((0, 0), (1, 3), (2, 3), (-2, 3), (1, 640), (1, 128), (-1, 128), (29, 100), (7, 0), (7, -1)),
    *((1, 1_999_999), (10**12, 7), (10**12, 1), (5 * 10**11, 10**12 - 1), (54_000, 1), (None, 2)),
    *((3, None), (999_999_999_999, 1_000_000_000_000), (123_456_789, 1_000_003)),
]
DAYS = {
    "days": "{{ days_between('one', 'other') }}",
    "months": "{{ months_between('one', 'other') }}",
    "after": "{{ months_after('one', 13) }}",
    "before": "{{ months_before('one', 12) }}",
    "sunday": "{{ sunday_on_or_before('one') }}",
    "text": "cast(one as string)",
    "window": "{{ in_current_window('one', 'other') }}",
}
DATES = [
    *(("2024-02-29", "2024-03-31"), ("2024-01-31", "2023-12-31"), ("2023-03-01", "2023-03-01")),
    *(("1969-12-31", "1970-01-01"), ("1899-12-30", "2026-03-31"), (None, "2024-01-01")),
]


def question(**given_rows: list[list[Any]]) -> str:
    """Return one query with every case, as text that dbt compiles on either engine."""

    def rows(columns: dict[str, str], source: str) -> str:
        return "\nunion all\n".join(
            f"select '{name}' as what, number, cast({sql} as string) as answer from {source}"
            for name, sql in columns.items()
        )

    def given(name: str, kind: str, *columns: str) -> str:
        value = f"cast({{{{ 'null' if value is none else sql_text(value | string) }}}} as {kind})"
        return (
            f"(select * from (values {{% for row in {given_rows[name]!r} %}}({{{{ loop.index }}}}"
            f"{{% for value in row %}}, {value}{{% endfor %}}){{{{ ', ' if not loop.last }}}}"
            f"{{% endfor %}}) as given (number, {', '.join(columns)}))"
        )

    return f"""
        with texts as {given("texts", "string", "text")},
        numbers as {given("pairs", "bigint", "one", "other")},
        dates as {given("dates", "date", "one", "other")},
        parts as (
            select number, {{{{ each_part('text', "','") }}}} as part from texts where text != ''
        ),
        joined as (
            select
                number % 7 as number,
                {{{{ joined_in_order('text', 'number', '|') }}}} as joined,
                {{{{ median_of('length(text)') }}}} as middle,
                {{{{ average('length(text)') }}}} as mean
            from texts
            group by number % 7
        )
        select * from (
            {rows(EXPRESSIONS, "texts")} union all {rows(NUMBERS, "numbers")}
            union all {rows(DAYS, "dates")} union all {rows({"part": "part"}, "parts")}
            union all {rows({"joined": "joined", "middle": "middle", "mean": "mean"}, "joined")}
        ) as answers
        order by what, number, answer
    """


@needs_spark
@pytest.mark.slow
@pytest.mark.builds
def test_macros_answer_alike_on_bad_values(workspace: Workspace, tmp_path: Path) -> None:
    pairs, dates = ([list(row) for row in rows] for rows in (PAIRS, DATES))
    asked = question(texts=[[text] for text in TEXTS], pairs=pairs, dates=dates)

    def answers(target: str) -> list[tuple[Any, ...]]:
        shown = run_program(
            workspace,
            "dbt",
            *("--quiet", "show", "--inline", asked, "--limit", -1, "--output", "json"),
            *("--target", target, "--target-path", tmp_path / target),
        )
        assert shown.returncode == 0, shown.stdout[-3000:] + shown.stderr[-3000:]
        found = json.loads(shown.stdout[shown.stdout.index("{") :])["show"]
        return [(row["what"], row["number"], row["answer"]) for row in found]

    ours, theirs = answers("duckdb"), answers("spark")
    assert len(ours) > 1_000
    differing = [
        (one, other[2], TEXTS[one[1] - 1] if one[0] in EXPRESSIONS else None)
        for one, other in zip(ours, theirs, strict=True)
        if one != other
    ]
    assert differing == [], "\n".join(map(str, differing))


# ------------------------------------------------------------------------------ each table


def troublesome() -> Tables:
    """The company with hostile names and columns, and faults of every kind."""
    company = company_of(HOSTILE)
    accounts, usage, tickets = (
        company[name] for name in ("accounts", "feature_usage", "support_tickets")
    )
    for number, row in enumerate(accounts):
        row["csm_name"] = row['"; drop table x; --'] = HOSTILE[number % len(HOSTILE)]
        row["a`b 'c' [d]*?{e}"] = "\\"
    accounts[2] |= {"seats": "-3", "is_trial": "perhaps", "signup_date": "2025-02-30"}
    accounts.append(accounts[3] | {"industry": "Another row of the same id"})
    accounts.append(accounts[4] | {})
    company["subscriptions"][5] |= {"end_date": "2020-01-01", "mrr_amount": "1_000"}
    company["subscriptions"].append(company["subscriptions"][6] | {"account_id": "A99"})
    company["subscriptions"].append(company["subscriptions"][6] | {"subscription_id": "S98"})
    usage[10] |= {"usage_count": "2.5"}
    usage[11] |= {"usage_count": "-1", "usage_duration_secs": "1e300"}
    usage[12] |= {"usage_date": "soon", "usage_id": usage[13]["usage_id"]}
    usage[14] |= {"subscription_id": "S99", "error_count": "7.0"}
    usage.append(usage[20] | {})
    usage.append(usage[21] | {"usage_count": "5"})
    tickets[0] |= {"satisfaction_score": "6", "closed_at": "2026-01-01"}
    tickets[1] |= {"submitted_at": "2026-03-30T23:30:00-05:00", "first_response_time_minutes": ""}
    tickets.append(tickets[2] | {"account_id": "A99", "satisfaction_score": ""})
    tickets.append(tickets[-1] | {})
    return company


def typed_subscriptions(rows: list[Row], file: Path) -> None:
    """Write subscriptions as Parquet, with types that the engines convert to text differently."""
    fractions = [1e7, 12_345_678.9, 0.1, 1e20, 1e-5, 0.00012, -0.0, 5.0, 2 / 3, 1e16, 9e15, 1e-300]
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_000)
    count = len(rows)
    columns: dict[str, Any] = {name: [row[name] or None for row in rows] for name in rows[0]}
    columns |= {
        "arr_amount": pa.array([fractions[n % len(fractions)] for n in range(count)]),
        "mrr_amount": pa.array([0.1 * n for n in range(count)], pa.float32()),
        "renewal_date": pa.array([moment] * count, pa.timestamp("ns")),
        "zoned": pa.array([moment] * count, pa.timestamp("ms", "Europe/Berlin")),
        "exact": pa.array([Decimal("1.10")] * count, pa.decimal128(10, 2)),
        "seats": pa.array([10] * count, pa.int16()),
        "is_trial": pa.array([n % 2 == 0 for n in range(count)]),
        "start_date": pa.array([date.fromisoformat(row["start_date"]) for row in rows]),
    }
    pq.write_table(pa.table(columns), file)


def recorded(place: Workspace) -> None:
    """Fill every table of the store with records of users and of a model."""
    for customer, outcome in (("S01", "contacted"), ("S02", "no_response"), ("C03", "contacted")):
        logged = place.churn(
            *("outcome", "add", customer, outcome, "--note", HOSTILE[0], "--at", str(AS_OF))
        )
        assert logged.code == 0, logged.err
    moment = datetime(2026, 3, 31, 12)
    results = {
        "result_id": [f"r{number}" for number in range(9)],
        "run_id": ["run"] * 9,
        "message_id": [f"m{number % 8}" for number in range(9)],
        "source_file": ["tickets.csv"] * 9,
        "is_from_data": [False] * 9,
        "customer_id": ["S03", None, " S04 ", "nobody", None, None, None, None, None],
        "account_id": [None, "A05", None, None, None, "A01", None, None, None],
        "ticket_id": [None, None, None, None, "T010", None, None, "T001", None],
        "submitted_at": ["2026-03-30T10:00:00Z", "2026-03-29", "soon", *["2026-03-01 9:00"] * 6],
        "engine": ["ollama"] * 9,
        "cache_key": [f"k{number}" for number in range(9)],
        "summary": [HOSTILE[number] for number in range(9)],
        "category": ["billing"] * 8 + [None],
        "sentiment": ["negative"] * 8 + [None],
        "churn_intent": [True] * 8 + [None],
        "signals": ["cancellation", "", *["cancellation"] * 6, None],
        "error": [None] * 8 + ["timeout"],
        "created_at": [moment] * 9,
    }
    append(place.store / "enrichment" / "results", "results", pa.table(results))
    seen = {"source_file": ["tickets.csv"] * 8, "message_id": results["message_id"][:8]}
    append(place.store / "enrichment" / "messages", "messages", pa.table(seen))
    append(
        place.store / "enrichment" / "runs",
        "runs",
        pa.table(
            {
                "run_id": ["run"],
                "started_at": [moment],
                "engine": ["ollama"],
                "model": ["small"],
                "done": [9],
            }
        ),
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@needs_spark
@pytest.mark.slow
@pytest.mark.builds
def test_a_troublesome_company_is_the_same_on_both_engines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clone has an odd name, and its store is at the default, relative place."""
    clone = copy_of_project(tmp_path / ODD)
    monkeypatch.chdir(clone)
    workspace = Workspace(clone, clone / "target")
    del workspace.environment["CHURN_STORE_DIR"]
    workspace.store = clone / "data"
    workspace.load_dir = workspace.store / "saas"
    company = troublesome()
    source = workspace.write(company)
    typed_subscriptions(company["subscriptions"], source / "subscriptions.parquet")
    (source / "subscriptions.csv").unlink()
    workspace.build_tables(source)
    with workspace.active():
        assert publish(Project())
    recorded(workspace)
    # change usage so that published scores no longer match
    for row in company["feature_usage"][-40:]:
        row["usage_count"] = "1"
    workspace.write({"feature_usage": company["feature_usage"]})

    loaded = contents(workspace.load_dir)
    compared = run_program(workspace, "churn", "parity", "--data", source, "--vars", SHORT)

    assert contents(workspace.load_dir) == loaded
    assert compared.returncode == 0, compared.stdout[-8000:] + compared.stderr[-3000:]
    rows = dict(re.findall(r"^(\w+\.\w+) +([0-9,]+) +0\b", compared.stdout, re.MULTILINE))
    assert len(rows) > 100
    # 70 days are too few to judge, and the data has no messages; the sample has both
    empty = [table for table, count in rows.items() if count == "0"]
    parts = ("backtest", "calibration", "account_keys", "ticket_messages", "quality")
    others = ("staging.stg_store__enrichment_evaluations", "staging.stg_store__enrichment_markers")
    assert [t for t in empty if t not in others and not any(part in t for part in parts)] == []


# ------------------------------------------------------------------------------ before it starts


@pytest.fixture
def folder(workspace: Workspace, tmp_path: Path) -> Path:
    """The folder for Spark's tables."""
    folder = tmp_path / "spark"
    workspace.environment["CHURN_SPARK_DIR"] = str(folder)
    return folder


def assert_refused(workspace: Workspace, code: int, says: str, *options: str) -> None:
    refused = workspace.churn("spark", *options)
    assert (refused.code, refused.err.count("\n")) == (code, 1), refused.err
    assert says in refused.err


@needs_spark
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ('openjdk version "1.8.0_392"', "bin/java is Java 8."),
        ('NOTE: Picked up JDK_JAVA_OPTIONS\nopenjdk version "11.0.2" 2019-01-15', "is Java 11."),
        ("Segmentation fault", "does not say which version it is."),
        (None, "which has no bin/java."),
    ],
    ids=["8", "11", "broken", "none"],
)
def test_another_java_is_refused(
    workspace: Workspace, folder: Path, tmp_path: Path, answer: str | None, says: str
) -> None:
    workspace.environment["JAVA_HOME"] = str(tmp_path)
    if answer is not None:
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\ncat >&2 <<'end'\n{answer}\nend\n", encoding="utf-8")
        java.chmod(0o755)
    assert_refused(workspace, 2, says)
    assert not folder.exists()


@needs_spark
def test_a_folder_without_loaded_data_is_refused(workspace: Workspace, folder: Path) -> None:
    workspace.environment["CHURN_DATA_DIR"] = "nowhere"
    assert_refused(workspace, 2, "CHURN_DATA_DIR is nowhere, which holds no loaded accounts")
    assert not folder.exists()


@needs_spark
def test_a_folder_of_something_else_is_refused(workspace: Workspace, folder: Path) -> None:
    theirs = folder / "warehouse" / "theirs.parquet"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    assert_refused(workspace, 2, f"{folder} holds files")
    assert theirs.exists()


@needs_spark
def test_a_folder_must_be_one(workspace: Workspace) -> None:
    workspace.environment["CHURN_SPARK_DIR"] = "s3a://bucket/spark"
    assert_refused(workspace, 2, "CHURN_SPARK_DIR is s3a://bucket/spark: it must be a folder")


@needs_spark
@pytest.mark.parametrize(
    ("master", "code", "says"),
    [
        ("", 2, "SPARK_MASTER is not set"),
        ("host:7077", 2, "SPARK_MASTER is host:7077: it must be an address such as"),
        ("spark://host", 2, "SPARK_MASTER is spark://host: it must be an address such as"),
        # nothing listens on this port
        ("spark://127.0.0.1:9", 1, "No Spark master answers at spark://127.0.0.1:9."),
        ("spark://127.0.0.1:99999", 1, "No Spark master answers at"),
        ("spark://a..b:7077", 1, "No Spark master answers at"),
        ("local[*2]", 2, "SPARK_MASTER is local[*2]: it must be an address such as"),
    ],
)
def test_a_master_must_be_there(
    workspace: Workspace, folder: Path, master: str, code: int, says: str
) -> None:
    workspace.environment["SPARK_MASTER"] = master
    assert_refused(workspace, code, says, "--cluster")
    assert not folder.exists()


@needs_spark
@pytest.mark.parametrize(
    ("name", "value", "must_be"),
    [
        ("CHURN_SPARK_MEMORY", "2gb", "a size, such as 2g"),
        ("CHURN_SPARK_CORES", "two", "a number of cores, or * for all"),
        ("CHURN_SPARK_CORES", "", "a number of cores, or * for all"),
        ("CHURN_SPARK_PARTITIONS", "0", "a number from 1"),
    ],
)
def test_a_setting_that_spark_does_not_understand_is_refused(
    workspace: Workspace, folder: Path, name: str, value: str, must_be: str
) -> None:
    workspace.environment[name] = value
    assert_refused(workspace, 2, f"{name} is '{value}': it must be {must_be}.")
    assert not folder.exists()


def test_what_java_says_first_is_told(tmp_path: Path) -> None:
    log = tmp_path / "spark.log"
    log.write_text(
        "WARNING: Using incubator modules\n"
        'Exception in thread "main" java.lang.IllegalArgumentException: Invalid memory\n'
        "\tat org.apache.spark.launcher.Main\nCaused by: java.io.IOException: later\n",
        encoding="utf-8",
    )
    assert first_exception(log) == (
        "\nJava says: java.lang.IllegalArgumentException: Invalid memory"
    )


@needs_spark
def test_one_build_at_a_time(workspace: Workspace, folder: Path) -> None:
    folder.mkdir()
    mark(folder, "build with Spark", {})
    with held(folder / "build.lock", ""):
        assert_refused(workspace, 1, f"Spark is building into {folder} at this moment")


@needs_spark
@pytest.mark.slow
@pytest.mark.builds
def test_nothing_of_a_killed_build_is_left(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # an unregistered table's file, as left if Spark is killed before it registers the table
    for part in ("warehouse/marts.db/customer_risk/part-0", "metastore/seg0/c", "dbt/part"):
        (folder / part).parent.mkdir(parents=True)
        (folder / part).touch()
    mark(folder, "build with Spark", {})

    def fail(*_: object) -> None:
        assert {path.name for path in folder.iterdir()} == {MARKER, "build.lock", "dbt"}
        raise ChurnError("The build failed.")

    monkeypatch.setattr(build, "run_showing_progress", fail)
    with (
        workspace.active(),
        pytest.raises(ChurnError, match=r"failed\.\nSpark's own log is .*spark\.log\.$"),
        build_on_spark(Project(), Console(file=io.StringIO()), data_dir=None),
    ):
        pass


def test_a_message_has_no_lines_of_java() -> None:
    message = """
        Database Error
        [CAST_INVALID_INPUT] The value 'x' cannot be cast. SQLSTATE: 22018
        at 7 o'clock (or so)
        \tat org.apache.spark.sql.Casts$.cast(Casts.scala:12)
        \tat java.base/java.lang.reflect.Method.invoke(Unknown Source)
        \tat java.base/jdk.internal.Call$$Lambda$12/0x00007f.<init>(Call.java:9)
        \t... 12 more
        Caused by: java.lang.NumberFormatException
    """
    assert dbt._plain(message).splitlines() == [
        "[CAST_INVALID_INPUT] The value 'x' cannot be cast. SQLSTATE: 22018",
        "at 7 o'clock (or so)",
        "Caused by: java.lang.NumberFormatException",
    ]
