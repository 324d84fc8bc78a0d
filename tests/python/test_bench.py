"""The benchmark measures what it claims to measure. No test here checks how fast anything is."""

import json
import os
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import measure
import scale
from scaling import contenders, data, equality, tables
from scaling.contenders import Place
from scaling.data import Company
from scaling.results import Result, growth, read_all

PYTHON = sys.executable


# ------------------------------------------------------------------------------ measuring


def test_memory_and_time_of_a_process_and_of_what_it_starts() -> None:
    work = "x = bytearray(120_000_000)\nimport time\nwhile time.process_time() < 0.4: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    for code in (work, child):
        found = measure.cost([PYTHON, "-c", code], os.environ)
        assert found.cpu_seconds > 0.35
        assert found.seconds >= 0.35
        assert 120e6 < found.peak_bytes < 400e6


def test_the_memory_of_the_one_that_measures_does_not_count() -> None:
    ballast = bytearray(300_000_000)
    found = measure.cost([PYTHON, "-c", "print('done')"], os.environ)
    assert found.peak_bytes < len(ballast)
    assert found.output == "done\n"


def test_what_is_spilled_is_seen_though_it_is_gone_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "spill" / "block"
    code = f"""
import pathlib, time
file = pathlib.Path({str(file)!r})
file.parent.mkdir()
file.write_bytes(bytes(1_000_000))
time.sleep(0.5)
file.unlink()
"""
    found = measure.cost([PYTHON, "-c", code], os.environ, file.parent)
    assert found.spilled_bytes == 1_000_000


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(measure.Failure, match="no such thing"):
        measure.cost([PYTHON, "-c", "raise SystemExit('no such thing')"], os.environ)


def test_only_models_count_from_the_first_start_to_the_last_end() -> None:
    def result(name: str, start: int, end: int) -> dict:
        moments = {
            "started_at": f"2026-01-01T00:00:{start:02}Z",
            "completed_at": f"2026-01-01T00:00:{end:02}Z",
        }
        return {"unique_id": name, "timing": [moments], "execution_time": end - start}

    found = [
        result("seed.churn.a", 0, 9),
        result("model.churn.b", 10, 12),
        result("model.churn.c", 11, 15),
        result("test.churn.d", 20, 30),
    ]
    assert contenders.span(found) == 5
    assert list(contenders.model_times(found).items()) == [("c", 4), ("b", 2)]


# ------------------------------------------------------------------------------ the same work


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def small(folder: Path) -> Company:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return data.company(2, folder / "data")


@pytest.mark.slow
def test_the_company_has_as_many_rows_as_its_scale_and_more_a_day_later(small: Company) -> None:
    assert small.facts["rows"]["feature_usage"] == 50_000
    assert small.facts["rows_later"]["feature_usage"] > 50_000


def test_data_is_made_once_and_again_where_it_is_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    loaded = pa.table({"table_name": ["accounts"], "row_count": [1]})

    def make(scale: float, more_days: int, target: Path) -> tuple[measure.Cost, measure.Cost]:
        made.append((scale, more_days))
        target.mkdir(exist_ok=True)
        pq.write_table(loaded, target / "source_files.parquet")
        cost = measure.Cost(1.0, 1.0, 10**8, 0, "")
        return cost, cost

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(data, "_make", make)
    company = data.company(2, tmp_path)
    assert data.company(2, tmp_path) == company
    assert made == [(2, 0), (2, 1)]
    (company.base.parent / data.COMPLETE).unlink()
    (company.base / "source_files.parquet").unlink()
    assert data.company(2, tmp_path) == company
    assert (company.base / "source_files.parquet").exists()
    assert made == 2 * [(2, 0), (2, 1)]


@pytest.mark.slow
def test_floor_pandas_and_the_models_give_the_same_scores(
    small: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(ROOT)
    place = Place(tmp_path, small)
    found = {}
    for contender in ("windows", "floor", "pandas", "dbt"):
        work = next(one.work for one in contenders.CONTENDERS if one.name == contender)
        found |= work(place)
    assert set(found) == {"windows", "floor", "pandas", "full", "day"}
    assert all(run["seconds"] > 0 and run["peak_bytes"] > 0 for run in found.values())
    assert "customer_risk" in found["full"]["models"]
    assert "customer_risk" in found["day"]["models"]
    assert equality.check(place) == ["pandas", "dbt", "dbt_later"]

    with duckdb.connect(str(place.database("dbt")), read_only=True) as warehouse:
        firing = warehouse.sql("select count(distinct rule_id) from marts.risk_rule_firings")
        # every rule except churn_intent, which needs messages
        assert firing.fetchall() == [(7,)]
    with duckdb.connect(str(place.database("floor")), read_only=True) as floor:
        usage = "select id_rows from collisions where table_name = 'feature_usage'"
        collisions = floor.sql(usage).fetchall()[0][0]
        rows = floor.sql("select count(*) from feature_usage").fetchall()[0][0]
    with duckdb.connect(str(place.database("dbt")), read_only=True) as warehouse:
        issues = "select row_count from quality.data_quality_issues where table_name = "
        found_collisions = f"{issues} 'feature_usage' and issue = 'id_collision'"
        assert warehouse.sql(found_collisions).fetchall() == [(collisions,)]
        staged = "select rows_staged from quality.row_reconciliation where table_name = "
        assert warehouse.sql(f"{staged} 'feature_usage'").fetchall() == [(rows,)]

    # Write the scores in the form that Spark writes. Spark has its own tests.
    place.spark_scores.mkdir(parents=True)
    part = place.spark_scores / "part-0.parquet"
    with duckdb.connect(str(place.database("dbt")), read_only=True) as warehouse:
        warehouse.sql("from marts.customer_risk").write_parquet(str(part))
    assert equality.check(place) == ["pandas", "dbt", "spark", "dbt_later"]
    duckdb.sql(f"from read_parquet('{part}') offset 1").write_parquet(str(part))
    with pytest.raises(equality.UnequalError, match=r"spark and the floor differ in 1 row"):
        equality.check(place)
    part.unlink()
    part.parent.rmdir()
    for name, said in (("floor_later", "dbt_later"), ("floor", "pandas")):
        with duckdb.connect(str(place.database(name))) as floor:
            floor.execute("update scores set risk_score = 99 where customer_id = 'S1001-1'")
        with pytest.raises(equality.UnequalError, match=rf"{said} and the floor .* S1001-1"):
            equality.check(place)


# ------------------------------------------------------------------------------ reported results


def run(seconds: float, peak: int = 10**9, **models: float) -> dict:
    return {
        "seconds": seconds,
        "process_seconds": seconds + 1,
        "cpu_seconds": 2 * seconds,
        "peak_bytes": peak,
        "spilled_bytes": 0,
        **({"models": models} if models else {}),
    }


def result(size: float, factor: float = 1.0, limit: str = "1GB", **runs: list[dict]) -> Result:
    cost = {"seconds": 1.0, "cpu_seconds": 1.0, "peak_bytes": 10**8}
    found = {
        "usage_rows": int(size * 25_000),
        "rows": {"subscriptions": int(size * 500), "support_tickets": 7},
        "generating": cost,
        "loading": cost,
    }
    machine = {
        "cores": 2,
        "memory_bytes": 2**34,
        "system": "Linux",
        "load": 0.1,
        "versions": {"Python": "3.11"},
    }
    settings = {"memory_limit": limit, "usual_memory_limit": "1GB", "everything": False}
    measured = runs or {
        "floor": [run(10 * factor), run(12 * factor), run(8 * factor)],
        "pandas": [run(40 * factor, 4 * 10**9)],
        "full": [run(30 * factor, a=5.0, b=20.0), run(20 * factor, a=7.0, b=20.0)],
        "day": [run(5 * factor, a=1.0)],
    }
    return Result(size, found, settings, machine, "2026-01-01T12:30:00+00:00", measured)


def test_medians_ratios_and_growth() -> None:
    one, ten = result(100), result(1000, 12.0)
    assert one.middle("floor") == 10
    assert one.spread("floor") == (8, 12)
    assert one.ratio("full", "floor") == 2.5
    assert one.ratio("full", "spark") is None
    assert one.model_times() == [("b", 20), ("a", 6)]
    assert growth([one, ten], "full") == ["100 → 1000: 12.0 × for 10 × the rows"]


def test_bars_say_what_does_not_hold() -> None:
    held = {what: holds for what, _, _, holds in tables.bars([result(100), result(1000, 12.0)])}
    assert held["full build, × the floor, scale 1000"] == "yes"
    assert held["a day later, × the full build, scale 1000"] == "yes"
    assert held["growth from 100 to 1000"] == "**no**"
    limit = "full build with a memory limit of 1GB, scale 1000"
    assert held[limit] == "yes"


def test_bars_that_were_not_measured_are_listed_all_the_same() -> None:
    found = tables.bars([result(1)])
    assert len(found) == len(tables.BARS) + 2
    assert {measured for _, measured, _, _ in found} == {"not measured"}
    # runs with another memory limit do not count for the bars
    assert tables.bars([result(1000, limit="8GB")]) == found
    roomy = [result(1000, full=[run(1.0)]), result(1000, limit="8GB")]
    assert dict(row[:2] for row in tables.bars(roomy))["peak memory, GB, scale 1000"] == "1.00"
    assert tables.bars(roomy)[0][1] == "not measured"
    # the memory bar of the largest scale is the exception: it names no memory limit
    largest = tables.bars([result(4000, limit="2GB", full=[run(1.0)])])
    assert dict(row[:2] for row in largest)["peak memory, GB, scale 4000"] == "1.00"


def test_results_are_kept_by_scale_and_what_is_written_by_hand_stays(tmp_path: Path) -> None:
    for one in (result(100), result(1), result(100, 3.0)):
        one.keep(tmp_path)
    kept = read_all(tmp_path)
    assert [one.scale for one in kept] == [1, 100]
    assert kept[1].middle("floor") == 30
    page = tmp_path / "page.md"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        tables.write_page(page, kept)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{tables.BEGIN}\n\n2 cores, 16 GiB")
    assert text.endswith(f"{tables.END}\nafter\n")
    assert "\nold\n" not in text
    assert text.count("### Scale 100: 2,500,000 usage rows") == 1
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="no marks"):
        tables.write_page(page, kept)


def test_who_is_measured_again_takes_nothing_from_the_others(tmp_path: Path) -> None:
    first = result(1000)
    first.skipped = {"spark": "no Java", "windows": "no reason"}
    first.keep(tmp_path)
    again = result(1000, full=[run(7.0, a=7.0)], windows=[run(1.0)])
    again.machine["load"] = 5.0
    again.finished = "2026-02-02T00:00:00+00:00"
    kept = again.keep(tmp_path)
    assert read_all(tmp_path) == [kept]
    assert kept.middle("full") == 7
    assert kept.ratio("full", "floor") == 0.7
    assert kept.skipped == {"spark": "no Java"}
    assert kept.earlier == dict.fromkeys(("floor", "pandas", "day"), first.finished)
    [said] = [line for line in tables.notes(kept) if line.startswith("Measured in an earlier run")]
    assert "; (b) pandas, 2026-01-01 12:30 UTC; " in said

    result(1000, limit="256MB", full=[run(9.0)]).keep(tmp_path)
    usual, little = read_all(tmp_path)
    assert usual == kept
    assert "with a memory limit of 256MB: 25,000,000" in tables.title(little)
    assert growth([usual, little], "full") == []

    elsewhere = result(1000, full=[run(3.0)])
    elsewhere.machine["cores"] = 64
    assert list(elsewhere.keep(tmp_path).runs) == ["full"]


def test_the_page_of_the_project_has_its_marks() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert tables.BEGIN in text
    assert text.index(tables.BEGIN) < text.index(tables.END)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["0.001"], "a scale is 0.04"),
        (["--runs", "0"], "one run (RUNS=1) or more"),
        (["--memory-limit", "lots"], "a memory limit is a size"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_runs(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        scale.main(arguments)
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_what_cannot_run_is_left_out_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    why = {one.name: one.hindrance for one in contenders.CONTENDERS}
    assert "GB of memory" in str(why["pandas"](1e6, 10**13))
    assert "up to scale 100" in str(why["spark"](1000, 1))
    monkeypatch.setattr(contenders.importlib.util, "find_spec", lambda name: None)
    assert "not installed" in str(why["pandas"](1, 1))
    assert "not installed" in str(why["spark"](1, 1))
    assert why["floor"](1000, 10**8) is None
    assert "up to 1000" in str(why["floor"](4000, 10**8))


def test_the_command_runs_in_turns_and_keeps_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    company = Company(tmp_path / "base", tmp_path / "later", result(2).data)

    def contender(name: str) -> contenders.Contender:
        def work(place: Place) -> dict:
            assert list(place.folder.iterdir()) == []
            order.append(name)
            return {name: run(1.0, a=1.0)}

        hindrance = "no reason" if name == "spark" else None
        return contenders.Contender(name, work, lambda *_: hindrance)

    monkeypatch.setattr(scale, "FOLDER", tmp_path / "bench")
    monkeypatch.setattr(scale, "CONTENDERS", [contender(n) for n in ("pandas", "full", "spark")])
    monkeypatch.setattr(scale, "company", lambda *_: company)
    monkeypatch.chdir(ROOT)
    (tmp_path / "bench" / "work-of-a-killed-run").mkdir(parents=True)
    assert scale.main(["2", "--runs", "2"]) == 0
    assert order == ["pandas", "full", "full", "pandas"]
    kept = json.loads((tmp_path / "bench" / "results" / "scale-2-1GB.json").read_text())
    assert kept["skipped"] == {"spark": "no reason"}
    assert len(kept["runs"]["full"]) == 2
    assert [path.name for path in (tmp_path / "bench").glob("work*")] == []
    assert {path.name for path in (tmp_path / "bench").iterdir()} == {"results"}
