"""`churn backtest` from the user's view: on the last build, and on data with a known truth."""

import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from rich.cells import cell_len
from rich.console import Console

from churn.backtest import known_truth
from churn.backtest.known_truth import Comparison, compare
from conftest import AS_OF, ROOT, Outcome, Tables, Workspace
from reference_backtest import LABELS
from test_backtest import HORIZON, SIGNALS, headline, verdicts

WIDTHS = [80, 120]


def plain(text: str) -> str:
    """Return the text without line breaks and table padding."""
    return " ".join(text.split())


def shown(place: Workspace, *arguments: object, width: int = 120) -> str:
    """Return the command's output at this width; the command must succeed."""
    columns = place.environment["COLUMNS"]
    place.environment["COLUMNS"] = str(width)
    try:
        outcome = place.churn("backtest", *arguments)
    finally:
        place.environment["COLUMNS"] = columns
    assert outcome.code == 0, outcome
    assert outcome.err == ""
    return outcome.out


def assert_fails(outcome: Outcome, code: int, *says: str) -> None:
    assert outcome.code == code, outcome
    assert all(text in plain(outcome.err) for text in says), outcome
    assert "Traceback" not in outcome.out + outcome.err


def part(out: str, title: str) -> list[str]:
    """Return the lines from the one that begins with the title to the next empty line."""
    lines = out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(title))
    end = next((n for n, line in enumerate(lines) if n > start and not line), len(lines))
    return lines[start:end]


def percent(value: Any) -> str:
    return "–" if value is None else f"{value:.1%}"


def lift(value: Any) -> str:
    return "–" if value is None else f"{value:,.1f}"


# ------------------------------------------------------------------------------ the last build


@pytest.mark.parametrize("width", WIDTHS)
def test_the_headline_is_the_verdict_in_words(sample: Workspace, width: int) -> None:
    (headline,) = sample.select("select * from marts.backtest_verdicts where is_headline")
    out = plain(shown(sample, width=width))
    judged = (
        f"Rule set {headline['ruleset']}, {headline['signals']}, label {headline['label']}: "
        f"{headline['dates']} Sundays judged, {headline['first_date']} to {headline['last_date']}."
    )
    assert f"{headline['verdict_text']} {judged}" in out


@pytest.mark.parametrize("width", WIDTHS)
def test_every_verdict_is_shown_with_its_figures(sample: Workspace, width: int) -> None:
    out = shown(sample, width=width)
    for label in ("subscription_ended", "account_churned"):
        table = plain("\n".join(part(out, f"Verdicts where leaving is {label}")[4:]))
        verdicts = sample.select(
            "select * from marts.backtest_verdicts where label = ? "
            "order by is_headline desc, ruleset desc, signals desc",
            label,
        )
        assert len(verdicts) == 4
        for row in verdicts:
            figures = [
                row["ruleset"],
                f"{row['auc']:.3f} {row['customers']:,} High",
                *figures_of(row, "high"),
                f"{row['signals']} {row['auc_low']:.3f}–{row['auc_high']:.3f}",
                f"{row['churned_customers']:,} Medium or above",
                *figures_of(row, "medium_or_above"),
                f"{row['verdict']} {row['median_lead_days']:,.0f} days",
                f"{percent(row['base_rate'])} Top decile",
                *figures_of(row, "top_decile"),
            ]
            expected = " ".join(figures)
            assert expected in table
            table = table.partition(expected)[2]


def figures_of(row: dict[str, Any], group: str) -> list[str]:
    return [
        percent(row[f"precision_{group}"]),
        percent(row[f"recall_{group}"]),
        lift(row[f"lift_{group}"]),
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_last_dates_of_the_headline_are_shown_and_the_others_counted(
    sample: Workspace, width: int
) -> None:
    dates = sample.select("""
        select risk_backtest.*
        from marts.risk_backtest
        inner join marts.backtest_verdicts using (label, ruleset, signals)
        where is_headline
        order by risk_backtest.as_of_date desc
    """)
    lines = part(shown(sample, width=width), "The headline by date")
    for row, line in zip(dates[:8], lines[4:12], strict=True):
        assert line.split() == [
            str(row["as_of_date"]),
            f"{row['customers']:,}",
            f"{row['churners']:,}",
            percent(row["base_rate"]),
            f"{row['auc']:.3f}",
            f"{row['auc_low']:.3f}–{row['auc_high']:.3f}",
            f"{row['customers_medium_or_above']:,}",
            lift(row["lift_medium_or_above"]),
        ]
    assert lines[12:] == [f"… and {len(dates) - 8} more in marts.risk_backtest"]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_rule_stands_with_what_it_earned_and_undated_ones_are_marked(
    sample: Workspace, width: int
) -> None:
    rules = sample.select("""
        select * from marts.risk_backtest_by_rule
        where label = 'subscription_ended'
        order by lift desc nulls last, rule_id
    """)
    title, *_, note = lines = part(shown(sample, width=width), "Which rules of standard")
    assert "subscription_ended" in title
    for row, line in zip(rules, lines[4:-1], strict=True):
        interval = "–" if row["lift_low"] is None else "{lift_low:.1f}–{lift_high:.1f}"
        expected = [
            row["driver_label"] + ("" if row["is_dated"] else " *"),
            str(row["most_points"]),
            f"{row['customers_fired']:,}",
            percent(row["churn_rate_fired"]),
            percent(row["churn_rate_not_fired"]),
            lift(row["lift"]),
            interval.format(**row),
        ]
        assert plain(line) == " ".join(expected)
    assert note.startswith("* ")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_share_that_left_is_shown_for_each_score_band(sample: Workspace, width: int) -> None:
    bands = sample.select(
        "select * from marts.risk_calibration where is_headline order by score_from"
    )
    lines = part(shown(sample, width=width), "How many left, by score")
    assert [line.split() for line in lines[3:]] == [
        [
            row["score_band"],
            f"{row['customers']:,}",
            percent(row["churn_rate"]),
            "–"
            if row["churn_rate_low"] is None
            else f"{percent(row['churn_rate_low'])}–{percent(row['churn_rate_high'])}",
        ]
        for row in bands
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_and_nothing_is_wider_than_the_screen(sample: Workspace, width: int) -> None:
    out = shown(sample, width=width)
    assert max(cell_len(line) for line in out.splitlines()) <= width
    assert re.findall(r"\S*….*", out) == re.findall(r"… and \d+ more in marts.risk_backtest", out)


def test_it_says_what_the_figures_mean_and_where_to_query(sample: Workspace) -> None:
    out = plain(shown(sample))
    for text in ("AUC: ", "Lift: ", "Base rate: ", "marts.risk_calibration", "ORACLE=1"):
        assert text in out
    assert "None" not in out


@pytest.mark.builds
def test_without_a_warehouse_it_builds_first_and_judges_no_history_that_is_too_short(
    workspace: Workspace, tables: Tables
) -> None:
    tables["support_tickets"] = tables["support_tickets"][:-2]
    workspace.load(tables)
    workspace.environment["CHURN_DATA_DIR"] = str(workspace.load_dir)
    out = shown(workspace)
    assert out.startswith("Building from the data in")
    assert "Not judged" in out
    assert workspace.column("select count(*) from marts.customer_risk") == [12]

    lines = shown(workspace).splitlines()
    assert lines[0].startswith("Warning: Support data ends on 2026-03-29")
    out = plain("\n".join(lines))
    assert "Not judged: the data does not reach back far enough" in out
    assert "no date judged." in out
    assert "A Sunday is judged when" in out
    for text in ("Building", "Precision", "None"):
        assert text not in out

    first = date.fromisoformat(tables["feature_usage"][0]["usage_date"])
    assert AS_OF - timedelta(HORIZON) < first
    found = verdicts(workspace)
    assert found.keys() == EVERY_VERDICT
    for row in found.values():
        assert (row["verdict"], row["dates"]) == ("not enough churners", 0)
        assert (row["customers"], row["churners"], row["churned_customers"]) == (0, 0, 0)
        assert row["auc"] is row["base_rate"] is row["first_date"] is None
        assert row["verdict_text"].startswith("Not judged: the data does not reach back far enough")
    assert headline(workspace)["ruleset"] == "standard"
    assert workspace.select("from marts.risk_backtest") == []
    rules = workspace.select("from marts.risk_backtest_by_rule")
    assert {row["customers"] for row in rules} == {0}


EVERY_VERDICT = {
    (label, ruleset, signals)
    for label in LABELS
    for ruleset in ("standard", "basic")
    for signals in SIGNALS
}


@pytest.mark.builds
def test_too_few_churners_are_said_by_rules_whose_labels_are_text(
    workspace: Workspace, tables: Tables
) -> None:
    settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    rulesets = settings["vars"]["risk_rulesets"]
    rulesets["basic"]["rules"][0]["label"] = "[red]It's \x1b[31m%x\u202e [/nothing] %s"
    variables = {"risk_ruleset": "basic", "risk_rulesets": rulesets, "backtest_horizon_days": 5}
    workspace.build_tables(tables, **variables)
    assert verdicts(workspace).keys() == EVERY_VERDICT
    assert headline(workspace)["ruleset"] == "basic"
    for width in WIDTHS:
        out = shown(workspace, width=width)
        text = plain(out)
        assert "Not judged: only 0 customers of 0 accounts left within 5 days" in text
        assert "1 Sunday judged, 2026-03-22 to 2026-03-22" in text
        assert "not enough churners" in text
        assert "more in marts.risk_backtest" not in text
        assert "None" not in text
        rules = plain("\n".join(part(out, "Which rules of basic")))
        assert not {"\x1b", "\u202e"} & set(out)
        assert "[red]It's" in rules
        assert "[/nothing]" in rules
        assert max(cell_len(line) for line in out.splitlines()) <= width


def test_a_warehouse_that_cannot_be_used_is_one_message(workspace: Workspace) -> None:
    duckdb.connect(str(workspace.warehouse)).close()
    assert_fails(workspace.churn("backtest"), 2, "not fully built", "make run")
    workspace.warehouse.write_text("This is not a database. " * 1000)
    assert_fails(workspace.churn("backtest"), 1, workspace.warehouse.name)


@pytest.mark.parametrize(
    "option", [["--accounts", "5"], ["--seed", "0"], ["--signal", "null"]], ids=" ".join
)
def test_what_is_generated_is_only_asked_with_the_oracle(
    workspace: Workspace, option: list[str]
) -> None:
    assert_fails(workspace.churn("backtest", *option), 2, "--oracle")
    assert not workspace.warehouse.exists()


# ------------------------------------------------------------------------------ known truth


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for temporary folders; the test checks that it is empty afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.builds
def test_the_oracle_and_the_rule_sets_judge_the_same_customers_side_by_side(
    workspace: Workspace, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(os.environ)
    with workspace.active():
        inside = dict(os.environ)
        found = compare(Console(file=io.StringIO()), accounts=400)
        assert dict(os.environ) == inside
    assert dict(os.environ) == before
    assert list(temporary.iterdir()) == []
    assert not workspace.warehouse.exists()
    assert not workspace.store.exists()

    oracle = found.oracle
    assert oracle is not None
    assert [row["ruleset"] for row in found.of_day] == ["standard", "basic"]
    assert [row["ruleset"] for row in found.verdicts] == ["standard", "basic"]
    for row in found.of_day:
        assert row["as_of_date"] == found.as_of_date
        assert row["customers"] == oracle.positives + oracle.negatives
        assert row["churners"] == oracle.positives
    # the pooled figures over all dates rest on several hundred thousand pairs
    standard, basic = (row["auc"] for row in found.verdicts)
    assert oracle.value > standard > basic > 0.5
    assert found.verdicts[0]["verdict"] == "predictive"
    assert found.verdicts[0]["last_date"] == found.as_of_date

    options: list[dict[str, Any]] = []

    def known(_: Console, **given: Any) -> Comparison:
        options.append(given)
        return found

    monkeypatch.setattr("churn.backtest.known_truth.compare", known)
    for width in WIDTHS:
        out = shown(workspace, "--oracle", "--accounts", "400", "--seed", found.seed, width=width)
        assert_side_by_side(out, found, width)
    assert options == [{"accounts": 400, "seed": found.seed, "signal": "strong"}] * len(WIDTHS)
    found = replace(found, accounts=1, oracle=None)
    assert_nothing_to_compare(shown(workspace, "--oracle", "--accounts", "1"))


def assert_side_by_side(out: str, comparison: Comparison, width: int) -> None:
    assert f"400 accounts, signal strong, seed {comparison.seed}" in out
    assert max(cell_len(line) for line in out.splitlines()) <= width
    assert "…" not in out
    lines = [line.split() for line in out.splitlines()]
    oracle = comparison.oracle
    assert oracle is not None
    assert next(line for line in lines if line[:1] == ["oracle"])[1] == f"{oracle.value:.3f}"
    for day, verdict in zip(comparison.of_day, comparison.verdicts, strict=True):
        assert [
            day["ruleset"],
            *(f"{day['auc']:.3f}", f"{day['auc_low']:.3f}–{day['auc_high']:.3f}"),
            *(f"{verdict['auc']:.3f}", f"{verdict['auc_low']:.3f}–{verdict['auc_high']:.3f}"),
            *verdict["verdict"].split(),
        ] in lines


@pytest.mark.slow
def test_a_company_in_which_nobody_left_is_said(workspace: Workspace, temporary: Path) -> None:
    assert_nothing_to_compare(shown(workspace, "--oracle", "--accounts", "1"))


def assert_nothing_to_compare(out: str) -> None:
    out = plain(out)
    assert "1 account, signal strong" in out
    assert "there is nothing to compare" in out
    assert "None" not in out


def test_a_failure_leaves_nothing_behind(
    workspace: Workspace, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        assert list(temporary.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(known_truth, "build", interrupted)
    with workspace.active():
        before = dict(os.environ)
        with pytest.raises(KeyboardInterrupt):
            compare(Console(file=io.StringIO()), accounts=1)
        assert dict(os.environ) == before
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_while_building_leaves_nothing_behind(workspace: Workspace, tmp_path: Path) -> None:
    with workspace.active():
        environment = dict(os.environ) | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", "from churn.cli import main; main()", "backtest", "--oracle"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        # wait until dbt has opened the temporary warehouse
        while not list(tmp_path.glob("*/churn.duckdb")):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"Traceback" not in error
    assert list(tmp_path.iterdir()) == []
