"""`churn explain`: every figure equals the marts', for any customer and any date."""

import copy
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.cells import cell_len

from churn.build.dbt import build
from churn.project import Project
from churn.warehouse.recorded_scores import publish
from conftest import AS_OF, Tables, Workspace, built_once, small_company
from test_backtest_command import assert_fails, part, plain
from test_published import NEXT_DAY, add_day, quarter_usage

pytestmark = pytest.mark.builds

PAST = date(2026, 8, 2)
# kinds of customers, and the condition that finds one in the sample
PEOPLE = {
    "high": "risk_level = 'High' and is_active",
    "high, many rules": "risk_score = (select max(risk_score) from marts.customer_risk)",
    "low": "risk_level = 'Low' and is_active and risk_score > 0",
    "ended": "not is_active and risk_level = 'Medium' and tickets_30d > 0",
    "trial, grew": "is_trial and usage_drop_pct < 0",
    "no signals": "signal_coverage = 'none' and is_active",
}
UNITS = {
    "tickets_30d": "tickets",
    "errors_30d": "errors",
    "churn_intent_30d": "messages",
    "escalations_30d": "escalations",
}
HOSTILE = "[red]Evil\x1b[31m \u202eeman\u202c [/nothing] %s"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for temporary folders; it must be empty afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def building_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Keep the first build for another date; later builds copy it."""
    kept = tmp_path / "kept.duckdb"

    def build_or_copy(project: Project, *arguments: Any, **settings: Any) -> None:
        if kept.exists():
            shutil.copy(kept, project.warehouse)
        else:
            build(project, *arguments, **settings)
            shutil.copy(project.warehouse, kept)

    monkeypatch.setattr("churn.explain.command.build", build_or_copy)
    return build_or_copy


def shown(place: Workspace, *arguments: object, width: int = 120) -> str:
    """Return the command's output at this width; the command must succeed."""
    columns = place.environment["COLUMNS"]
    place.environment["COLUMNS"] = str(width)
    try:
        outcome = place.churn("explain", *arguments)
    finally:
        place.environment["COLUMNS"] = columns
    assert outcome.code == 0, outcome
    assert outcome.err == ""
    assert max(cell_len(line) for line in outcome.out.splitlines()) <= width
    assert "None" not in outcome.out
    return outcome.out


def person(place: Workspace, who: str) -> dict[str, Any]:
    rows = place.select(
        f"select * from marts.customer_risk where {PEOPLE[who]} order by customer_id limit 1"
    )
    (row,) = rows
    return row


def head(out: str) -> dict[str, str]:
    """Return the lines of the head by name; continuation lines have no name."""
    found: dict[str, str] = {}
    lines = iter(out.splitlines())
    next(line for line in lines if " of 100 points, " in line)
    name = ""
    for line in lines:
        if not line.strip():
            return found
        name = line[:11].strip() or name
        found[name] = f"{found.get(name, '')} {line[11:].strip()}".strip()
    raise AssertionError(out)


def rules(out: str) -> list[tuple[list[str], list[str]]]:
    """Return the cells of each rule at 120 columns: its first line, and the line below."""
    lines = part(out, "Every rule")[4:]
    end = next(n for n, line in enumerate(lines) if not line.strip() or line.startswith("Sum"))
    cells = [re.split(r"\s{2,}", line.strip()) for line in lines[:end]]
    return list(zip(cells[::2], cells[1::2], strict=True))


def sources(out: str) -> list[list[str]]:
    """Return the cells of the first line of each source at 120 columns."""
    lines = part(out, "The rows that it came from")[4:]
    return [
        re.split(r"\s{2,}", line.strip())
        for line in lines
        if re.search(r" \d{4}-\d\d-\d\d – ", line)
    ]


def history(out: str) -> tuple[list[int], str]:
    """Return the scores and the letters of the levels, over all lines."""
    scores = re.findall(r"^Score  ([\d ]+)$", out, re.MULTILINE)
    letters = re.findall(r"^Level  ([HMLhml ]+)$", out, re.MULTILINE)
    return [int(s) for s in " ".join(scores).split()], "".join(letters).replace(" ", "")


def digest(place: Workspace) -> dict[str, str]:
    files = [*place.warehouse.parent.glob("churn.duckdb*"), *place.store.rglob("*")]
    return {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()
    }


def value_of(signal: str, value: Decimal | None) -> str:
    """Format a signal's value as users see it, independently of the command."""
    if value is None:
        return "not known"
    if signal == "usage_drop_pct":
        tenths = abs(value) * 1000 // 1
        return f"{'grew' if value < 0 else 'fell'} {float(tenths) / 10:,g}%"
    if signal in ("is_trial", "downgrade_flag"):
        return {0: "no *", 1: "yes *"}[int(value)]
    if signal == "satisfaction_score":
        return f"{value:.0f} of 5"
    return f"{value:.0f} {UNITS[signal][: -1 if value == 1 else None]}"


# ------------------------------------------------------------------------------ the last build


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("who", PEOPLE)
def test_the_head_says_who_it_is_and_how_the_points_add_up(
    sample: Workspace, who: str, width: int
) -> None:
    risk = person(sample, who)
    out = shown(sample, risk["customer_id"], width=width)
    title = (
        f"{risk['account_name']}: {risk['risk_score']} of 100 points, {risk['risk_level']}, "
        f"on {risk['usage_window_end']}"
    )
    assert title in plain(out)
    lines = head(out)
    assert lines["Customer"].startswith(
        f"{risk['customer_id']}, plan {risk['plan_tier']}, ARR {risk['arr']:,.0f}, "
        f"{'active' if risk['is_active'] else 'ended'}, from {risk['start_date']}"
    )
    assert lines["Account"].startswith(f"{risk['account_id']}, looked after by {risk['csm_name']}")
    assert ("; had a churn event" in lines["Account"]) == risk["churned"]

    points = sample.column(
        "select points from marts.risk_rule_firings where customer_id = ? order by rule_order",
        risk["customer_id"],
    )
    if points:
        assert lines["Score"] == f"{' + '.join(map(str, points))} = {risk['risk_score']}"
        assert sum(map(int, re.findall(r"\d+", lines["Score"])[:-1])) == risk["risk_score"]
    else:
        assert lines["Score"] == "0: no rule fired"
    for level, start in (("High", 60), ("Medium", 30)):
        missing = start - risk["risk_score"]
        far = "reached" if missing <= 0 else f"{missing} to go"
        assert f"{level} from {start} ({far})" in lines["Levels"]
    change = f"{risk['risk_score_prev_week']} on 2026-09-20 ({risk['risk_score_change']:+d})"
    assert lines["Before"].startswith(change)
    unseen = lines["Signals"].startswith("nothing")
    assert unseen == (risk["signal_coverage"] == "none")
    actions = part(out, "What to do")[1:]
    assert (
        "; ".join(plain(line).removeprefix("→ ") for line in actions)
        == (risk["recommended_actions"])
    )


@pytest.mark.parametrize("who", PEOPLE)
def test_every_rule_stands_with_what_it_saw_and_missed(sample: Workspace, who: str) -> None:
    risk = person(sample, who)
    out = shown(sample, risk["customer_id"])
    evaluations = sample.select(
        """
        select evaluations.*, rules.driver_label
        from marts.risk_rule_evaluations as evaluations
        inner join marts.risk_rules as rules using (rule_id)
        where customer_id = ? and band_order = 1
        order by evaluations.rule_order
        """,
        risk["customer_id"],
    )
    found = rules(out)
    assert len(found) == len(evaluations) == 8
    for row, (first, second) in zip(evaluations, found, strict=True):
        assert first[:4] == [
            row["driver_label"],
            value_of(row["signal_name"], row["signal_value"]),
            "reached" if row["fired"] else "missed",
            str(row["points"]),
        ]
        assert second[0] == row["signal_name"]
        assert_distance(row, first[4], " ".join(second))
    (sums,) = [line.split() for line in out.splitlines() if line.startswith("Sum ")]
    assert sums == ["Sum", str(sum(row["points"] for row in evaluations))]


def assert_distance(row: dict[str, Any], distance: str, below: str) -> None:
    """Assert the threshold, and the distance to the next band or to the missed one."""
    gap, limit = (
        row["gap_to_next_band"],
        row["threshold"] if row["fired"] else row["next_threshold"],
    )
    if row["signal_name"] == "usage_drop_pct":
        number, gap = f"{limit or Decimal('0.2'):.0%} or more", gap and gap * 100
    elif row["signal_name"] in ("is_trial", "downgrade_flag"):
        number = "yes"
    else:
        number = f"{limit or 3:.0f}"
    assert number in below
    if row["signal_value"] is None:
        assert distance == "not known is not zero: cannot fire"
    elif gap is None:
        assert distance == "no higher band"
    elif row["signal_name"] in ("is_trial", "downgrade_flag"):
        assert distance == "did not fire"
    elif row["fired"]:
        assert distance.endswith(f": {row['next_points']} points")
        assert_at_least(distance, gap)
    else:
        direction = "too high" if row["signal_name"] == "satisfaction_score" else "short"
        assert distance.endswith(direction)
        assert_at_least(distance, gap)


def assert_at_least(distance: str, gap: Decimal) -> None:
    """Assert that the distance is the gap or exceeds it by less than a tenth."""
    said = Decimal(re.match(r"[\d,.]+", distance)[0].replace(",", ""))
    assert gap <= said < gap + Decimal("0.1")


@pytest.mark.parametrize("who", PEOPLE)
def test_every_signal_stands_with_the_rows_it_came_from(sample: Workspace, who: str) -> None:
    risk = person(sample, who)
    out = shown(sample, risk["customer_id"])
    expected = sample.select(
        "select * from marts.signal_sources where customer_id = ? order by signal_order",
        risk["customer_id"],
    )
    found = sources(out)
    assert len(found) == len(expected) == 7
    for row, cells in zip(expected, found, strict=True):
        span = f"{row['first_date']} – {row['last_date']}" if row["row_count"] else "–"
        assert cells[1:4] == [
            f"{row['window_start']} – {row['window_end']}",
            f"{row['row_count']:,}",
            span,
        ]
        total = risk[row["signal_name"]]
        shown_total = re.findall(r"[\d,]+", cells[4])
        assert shown_total == ([] if total is None else [f"{total:,}"])
        assert (row["tickets"] or "") in plain(out)


def test_the_rows_are_those_of_the_files(sample: Workspace) -> None:
    risk = person(sample, "high")
    expected = sample.select(
        """
        select count(*) as row_count, sum(usage_count) as total
        from staging.stg_saas__feature_usage
        where subscription_id = ? and usage_date between date '2026-08-28' and date '2026-09-27'
        """,
        risk["customer_id"],
    )
    (usage, *_) = sources(shown(sample, risk["customer_id"]))
    assert usage[2] == str(expected[0]["row_count"])
    assert usage[4] == f"{expected[0]['total']:,} uses"


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("who", PEOPLE)
def test_the_line_of_26_weeks_is_the_history(sample: Workspace, who: str, width: int) -> None:
    risk = person(sample, who)
    out = shown(sample, risk["customer_id"], width=width)
    weeks = sample.select(
        "select * from marts.customer_risk_history where customer_id = ? order by as_of_date",
        risk["customer_id"],
    )
    scores = [week["risk_score"] for week in weeks]
    letters = [week["risk_level"][0] for week in weeks]
    assert history(out) == (
        scores,
        "".join(
            letter if week["is_active"] else letter.lower()
            for letter, week in zip(letters, weeks, strict=True)
        ),
    )
    assert f"The score on its last {len(weeks)} weekly dates" in out
    assert f"lowest {min(scores)} (" in out
    assert f"highest {max(scores)} (" in out
    dates = re.findall(r"\d{4}-\d\d-\d\d", "\n".join(part(out, "The score on its last")[5:]))
    assert (dates[0], dates[-1]) == (str(weeks[0]["as_of_date"]), str(weeks[-1]["as_of_date"]))
    assert ("small letters" in out) == (not all(week["is_active"] for week in weeks))


# ------------------------------------------------------------------------------ a small company

NEVER_SCORED = {
    "S90": f"S90 starts on {AS_OF + timedelta(days=9)}: it has no score on {AS_OF}.",
    "S91": "S91 has no score: it belongs to account A99, which accounts does not have.",
    "S92": "S92 has no score: it was rejected, because of start_date 31st of May",
}


def with_cases() -> Tables:
    """Return the small company with a special case in each of some accounts."""
    tables = small_company()
    # S01: its points exceed the cap
    tables["subscriptions"][0] |= {"is_trial": "true", "downgrade_flag": "true"}
    for row in tables["feature_usage"]:
        if row["subscription_id"] == "S01":
            row["error_count"] = "1"
    for number in range(8):
        ticket = dict(tables["support_tickets"][0])
        ticket |= {"ticket_id": f"X{number}", "account_id": "A01", "satisfaction_score": "1"}
        ticket |= {"submitted_at": f"{AS_OF} 10:00:00", "closed_at": "", "escalation_flag": "true"}
        tables["support_tickets"].append(ticket)
    # A03: texts with control characters for terminals
    tables["accounts"][2] |= {"account_name": HOSTILE, "csm_name": HOSTILE}
    tables["subscriptions"][2] |= {"subscription_id": HOSTILE, "plan_tier": HOSTILE}
    for row in tables["feature_usage"]:
        if row["subscription_id"] == "S03":
            row["subscription_id"] = HOSTILE
    for row in tables["support_tickets"]:
        if row["account_id"] == "A03":
            row["ticket_id"] += HOSTILE
    # S05: it was published with another score
    quarter_usage(tables, "S05")
    one = tables["subscriptions"][10]
    tables["subscriptions"] += [
        one | {"subscription_id": "S90", "start_date": str(AS_OF + timedelta(days=9))},
        one | {"subscription_id": "S91", "account_id": "A99"},
        one | {"subscription_id": "S92", "start_date": "31st of May"},
    ]
    return tables


@pytest.fixture(scope="module")
def days(
    tmp_path_factory: pytest.TempPathFactory, target: Path, small: Workspace
) -> dict[date, Workspace]:
    """Two builds of the cases: as of the day whose scores were published, and of the next.

    The next day has other rules, and S07 starts on it. Afterwards S08 is loaded with less usage.
    """

    def make(place: Workspace) -> None:
        shutil.copy(small.warehouse, place.warehouse)
        with place.active():
            publish(Project())
        place.warehouse.unlink()
        place.build_tables(with_cases())
        first(place).warehouse.parent.mkdir()
        shutil.copy(place.warehouse, first(place).warehouse)

        tables = with_cases()
        add_day(tables)
        tables["subscriptions"][6]["start_date"] = str(NEXT_DAY)
        place.build(tables, risk_ruleset="basic", disabled_risk_rules=["support_load"])
        quarter_usage(tables, "S08")
        place.load(tables)

    def first(place: Workspace) -> Workspace:
        then = copy.copy(place)
        then.warehouse = place.warehouse.parent / "first" / place.warehouse.name
        then.environment = place.environment | {"CHURN_WAREHOUSE": str(then.warehouse)}
        return then

    place = built_once(tmp_path_factory, target, "explained", make, light=True)
    return {AS_OF: first(place), NEXT_DAY: place}


def test_more_points_than_count_are_said(days: dict[date, Workspace]) -> None:
    out = shown(days[AS_OF], "S01")
    (points,) = days[AS_OF].column(
        "select sum(points) from marts.risk_rule_firings where customer_id = 'S01'"
    )
    assert points == 115
    assert (
        head(out)["Score"] == "40 + 18 + 15 + 12 + 10 + 12 + 8 = 115, of which 100 count (the cap)"
    )
    assert "Sum 115 the cap: 100 count" in plain(out)
    # with more than ten tickets, the latest are named
    assert "X7, X6, X5, X4, X3, X2, X1, X0" in plain(out)


def test_what_is_configured_is_shown(days: dict[date, Workspace]) -> None:
    out = shown(days[NEXT_DAY], "S01")
    assert "rule set basic" in head(out)["Levels"]
    assert "Switched off: Support load" in out
    (*_, (first, second)) = rules(out)
    assert first == ["New customer", "441 days", "missed", "0", "did not fire"]
    assert second == ["tenure_days", "between 0 and 30"]
    assert len(rules(out)) == 3


# ------------------------------------------------------------------------------ another date


@pytest.mark.usefixtures("temporary", "building_once")
def test_the_past_is_what_the_history_says_and_the_warehouse_stays(sample: Workspace) -> None:
    for who in ("high", "ended"):
        assert_past_is_history(sample, person(sample, who)["customer_id"])


def assert_past_is_history(sample: Workspace, customer: str) -> None:
    (then,) = sample.select(
        "select * from marts.customer_risk_history where customer_id = ? and as_of_date = ?",
        customer,
        PAST,
    )
    before, environment = digest(sample), dict(os.environ)
    out = shown(sample, customer, "--at", PAST)
    assert digest(sample) == before
    assert dict(os.environ) == environment

    assert f"{then['risk_score']} of 100 points, {then['risk_level']}, on {PAST}" in out
    points = [int(first[3]) for first, _ in rules(out)]
    assert sum(points) == then["risk_score"]
    for first, second in rules(out):
        value = then[second[0]]
        value = None if value is None else Decimal(value)
        assert first[1] == value_of(second[0], value)
    for cells, signal in zip(
        sources(out),
        ["usage_30d", "usage_prev30d", "errors_30d", "tickets_30d", "escalations_30d"],
        strict=False,
    ):
        assert re.findall(r"[\d,]+", cells[4]) == [f"{then[signal]:,}"]
        assert cells[1].endswith(str(PAST if signal != "usage_prev30d" else date(2026, 7, 2)))
    # the weeks up to that date that both histories contain
    scores, _ = history(out)
    known = sample.column(
        "select risk_score from marts.customer_risk_history "
        "where customer_id = ? and as_of_date <= ? order by as_of_date",
        customer,
        PAST,
    )
    assert len(known) == 18
    assert scores[-len(known) :] == known


def test_the_as_of_date_of_the_last_build_is_not_built_again(
    sample: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("explain must not build anything")

    monkeypatch.setattr("churn.explain.command.build", refuse)
    customer = person(sample, "high")["customer_id"]
    assert shown(sample, customer, "--at", "2026-09-27") == shown(sample, customer)


@pytest.mark.usefixtures("temporary")
def test_the_past_has_the_data_and_variables_of_the_last_build(days: dict[date, Workspace]) -> None:
    out = shown(days[NEXT_DAY], "S08", "--at", AS_OF)
    # the command reads what was loaded since then, and says so
    assert "The loaded data is not what the warehouse was built from" in plain(out)
    assert "not on record" not in out
    assert f"35 of 100 points, Medium, on {AS_OF}" in out
    assert "rule set basic" in head(out)["Levels"]
    # it also shows what was published that day
    published = r"10, Low, first shown on \S+, by other rules than today's \(rule set standard\)"
    assert re.fullmatch(published, head(out)["Published"])


@pytest.mark.usefixtures("temporary")
def test_a_warehouse_of_unknown_origin_is_not_taken_for_the_sample(
    days: dict[date, Workspace], sample: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build_sample(project: Project, *_: Any, data_dir: Path | None, **__: Any) -> None:
        assert data_dir is None
        shutil.copy(sample.warehouse, project.warehouse)

    monkeypatch.setattr("churn.explain.command.build", build_sample)
    # the copy has no build record beside it
    outcome = days[AS_OF].churn("explain", "S01", "--at", AS_OF - timedelta(days=1))
    assert_fails(outcome, 2, "not of the bundled sample", "CHURN_DATA_DIR")
    assert "not on record" in plain(outcome.out)


# ------------------------------------------------------------------------------ published scores


def test_what_was_published_stands_beside_what_is_computed_now(days: dict[date, Workspace]) -> None:
    place = days[AS_OF]
    then = {row["customer_id"]: row for row in place.select("select * from marts.published_scores")}

    def said(customer: str) -> str:
        row = then[customer]
        when = f"{row['published_at']:%Y-%m-%d}"
        return f"{row['risk_score']}, {row['risk_level']}, first shown on {when}"

    assert head(shown(place, "S02"))["Published"] == f"{said('S02')}: the same as computed now"
    (now,) = place.select("select * from marts.customer_risk where customer_id = 'S05'")
    assert now["risk_score"] != then["S05"]["risk_score"]
    assert head(shown(place, "S05"))["Published"] == (
        f"{said('S05')}; now {now['risk_score']}, {now['risk_level']}: scored differently."
    )
    published = head(shown(days[NEXT_DAY], "S05"))["Published"]
    assert published == "no score of this date was published"


# ------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody at all"], ["nobody at all is no customer"]),
        (["S1001-11"], ["S1001-11 is no customer", "Close to it: S1001-1"]),
        (["A1001"], ["A1001 is an account", "customers: S1001-1 (High)"]),
        ([""], ["Nothing is no customer"]),
        (["s1001-1"], ["s1001-1 is no customer", "looks like S1001-1. Give"]),
        (["\udcff"], ["is not valid UTF-8"]),
        (["[red]\x1b[31m\u202e"], [r"$'[red]\x1b[31m\u202e' is no customer"]),
        (["S1001-1", "--at", "2022-03-16"], ["starts on 2022-03-17", "no score on 2022-03-16"]),
        (["S1001-1", "--at", "2026-09-28"], ["The data ends on 2026-09-27"]),
        (["S1001-1", "--at", "2025-01-06"], ["known from 2024-12-07", "2025-01-07 or later"]),
        (["S1001-1", "--at", "2022-03-17"], ["known from 2024-12-07", "2025-01-07 or later"]),
    ],
)
def test_what_cannot_be_explained_is_one_line(
    sample: Workspace, arguments: list[str], says: list[str]
) -> None:
    outcome = sample.churn("explain", "--", *arguments[:1]) if len(arguments) == 1 else None
    outcome = outcome or sample.churn("explain", *arguments)
    assert_fails(outcome, 2, *says)
    assert outcome.out == ""
    assert outcome.err.startswith("Error: ")
    assert outcome.err.count("\n") == 1
    assert not {"\x1b", "\u202e"} & set(outcome.err)


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "20260802"])
def test_what_is_no_date_is_said(sample: Workspace, day: str) -> None:
    assert_fails(sample.churn("explain", "S1001-1", "--at", day), 2, "--at")


@pytest.mark.parametrize("customer", NEVER_SCORED)
def test_who_is_in_the_data_and_not_scored_gets_words(
    days: dict[date, Workspace], customer: str
) -> None:
    assert_fails(days[AS_OF].churn("explain", customer), 2, NEVER_SCORED[customer])


def test_who_was_published_and_is_not_scored_now_is_said(days: dict[date, Workspace]) -> None:
    outcome = days[NEXT_DAY].churn("explain", "S07", "--at", AS_OF)
    assert_fails(outcome, 2, f"S07 starts on {NEXT_DAY}", "People were shown 10 points then, Low.")


def test_names_and_ids_do_nothing_to_the_terminal(days: dict[date, Workspace]) -> None:
    for width in (80, 120):
        out = shown(days[AS_OF], HOSTILE, width=width)
        assert not {"\x1b", "\u202e", "\u202c"} & set(out)
        # name, id, plan, owner and tickets
        assert plain(out).count("[red]Evil") >= 5
        assert plain(out).count("[/nothing]") >= 5
    outcome = days[AS_OF].churn("explain", HOSTILE, "--at", "2020-01-01")
    assert_fails(outcome, 2, "[red]Evil", "starts on 2025-01-15")
    assert not {"\x1b", "\u202e"} & set(outcome.err)


def test_a_warehouse_that_cannot_be_used_is_one_message(workspace: Workspace) -> None:
    assert_fails(workspace.churn("explain", "S01"), 2, "no warehouse", "make run")
    duckdb.connect(str(workspace.warehouse)).close()
    assert_fails(workspace.churn("explain", "S01"), 2, "not fully built", "make run")
