"""Files made to break their reader: one message refuses them, within bounded memory."""

import gzip
import io
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.styles import Font

from churn.enrich import commands, evaluate
from churn.enrich.sources import open_file
from churn.export.tables import ACTION_LIST, write_csv, write_workbook
from churn.files.formulas import guarded, unguarded
from churn.load import limits, load
from churn.load.delimited import CELLS_A_BATCH, Delimited
from churn.load.table_file import Origin
from churn.outcomes import files as outcome_files
from churn.outcomes.files import SHEET, read_file
from churn.project import Project
from churn.terminal.errors import InputError
from conftest import ROOT, Workspace
from test_load import TABLES

LAST_CELL = {"row": 1_048_576, "column": 16_384}
FORMULAS = tuple("=+-@＝＋－＠")
SPLIT = "Acme;=cmd|' /C calc'!A0;"
MEMORY = 100 << 20

MEASURED = r"""
    import re, resource, sys
    from pathlib import Path
    import churn.outcomes.workbook
    from churn.terminal.errors import InputError
    from churn.load import convert_file, delimited, limits, text_lines
    from churn.outcomes.files import read_file
    from churn.project import Project

    def used(name):
        return int(re.search(name + r":\s+(\d+)", Path("/proc/self/status").read_text())[1])

    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    before = used("VmHWM")
    read, file = sys.argv[1], Path(sys.argv[2])
    limits.MEMORY, delimited.BYTES_A_ROW = map(int, sys.argv[3:])
    # as much more as by default
    text_lines.BYTES_AT_ONCE = delimited.BYTES_A_ROW * 9 // 5
    try:
        if read == "outcomes":
            print(len(read_file(file).rows), "rows")
        else:
            spec = Project().tables["accounts"]
            print(convert_file(file, spec, file.with_name("out")).rows, "rows")
    except InputError as error:
        print(error)
    print((used("VmHWM") - before) >> 10)
"""


def said_within(
    megabytes: int,
    read: str,
    file: Path,
    *,
    memory: int = limits.MEMORY,
    row: int = limits.BYTES_A_ROW,
) -> str:
    """Read a file in a separate process, and limit its memory beyond that of an idle process.

    Returns the process's output. `memory` and `row` are the limits that the reader applies.
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MEASURED), read, *map(str, (file, memory, row))],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *said, taken = done.stdout.splitlines()
    assert int(taken) < megabytes, said
    return "\n".join(said)


# ------------------------------------------------------------------------------ workbooks


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    """A workbook with a list that has one outcome, and another sheet."""
    path = tmp_path / "list.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet(SHEET)
        sheet.write_row(0, 0, ["customer_id", "outcome", "note"])
        sheet.write_row(1, 0, ["S01", "renewed", "said so"])
        book.add_worksheet("Other").write(0, 0, 1)
    return path


def with_part(workbook: Path, part: str, change: Callable[[bytes], Iterable[bytes]]) -> Path:
    """Return a copy of the workbook with one part changed."""
    changed = workbook.with_name("changed.xlsx")
    with (
        zipfile.ZipFile(workbook) as old,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            with new.open(name, "w", force_zip64=True) as target:
                for piece in change(content) if name == f"xl/{part}.xml" else [content]:
                    target.write(piece)
    return changed


def inserted(before: bytes, *pieces: tuple[bytes, int]) -> Callable[[bytes], Iterable[bytes]]:
    """Return a change that inserts repeated pieces before a text."""

    def change(content: bytes) -> Iterable[bytes]:
        head, tail = content.split(before)
        yield head
        for piece, times in pieces:
            for _ in range(times):
                yield piece
        yield before + tail

    return change


def replaced(old: bytes, new: bytes) -> Callable[[bytes], Iterable[bytes]]:
    def change(content: bytes) -> Iterable[bytes]:
        assert old in content
        yield content.replace(old, new)

    return change


@pytest.mark.builds
@pytest.mark.parametrize("sheet", [SHEET, "Other"])
def test_a_blank_cell_in_the_last_corner_costs_nothing(workbook: Path, sheet: str) -> None:
    book = openpyxl.load_workbook(workbook)
    book[sheet].cell(**LAST_CELL).font = Font(bold=True)
    book.save(workbook)
    assert said_within(60, "outcomes", workbook) == "1 rows"
    [row] = read_file(workbook).rows
    assert (row.number, row.cells["customer_id"], row.cells["note"]) == (2, "S01", "said so")


@pytest.mark.builds
def test_a_dimension_that_lies_costs_nothing(workbook: Path) -> None:
    lie = replaced(b'<dimension ref="A1:C2"/>', b'<dimension ref="A1:XFD1048576"/>')
    assert said_within(60, "outcomes", with_part(workbook, "worksheets/sheet1", lie)) == "1 rows"


@pytest.mark.builds
def test_only_the_header_of_other_sheets_is_read(workbook: Path) -> None:
    rows = inserted(b"</sheetData>", (b"<row/>" * 1000, 12_000))
    assert said_within(60, "outcomes", with_part(workbook, "worksheets/sheet2", rows)) == "1 rows"


HOSTILE_PARTS = {
    "cells in one row": (
        "worksheets/sheet1",
        inserted(b"</sheetData>", (b"<row>", 1), (b"<c/>" * 1000, 10_000), (b"</row>", 1)),
        "the sheet Action list has over 200,000 cells in one row",
    ),
    "a cell that does not end": (
        "worksheets/sheet1",
        inserted(
            b"</sheetData>",
            (b'<row><c t="str"><v>', 1),
            (b"x" * 1_000_000, 160),
            (b"</v></c></row>", 1),
        ),
        "over 1,000,000 bytes in one cell",
    ),
    "an attribute that does not end": (
        "worksheets/sheet1",
        inserted(b"</sheetData>", (b'<row a="', 1), (b"x" * 1_000_000, 160), (b'"/>', 1)),
        "over 1,000,000 bytes in one cell",
    ),
    "too many texts": (
        "sharedStrings",
        inserted(b"</sst>", (b"<si><t>" + b"x" * 1_000_000 + b"</t></si>", 210)),
        "its table of texts (shared strings) has 210,0",
    ),
    "settings without end": (
        "styles",
        inserted(b"</styleSheet>", (b"<a/>" * 1000, 1_000)),
        "its part xl/styles.xml has over 500,000 cells or settings",
    ),
    "entities": (
        "worksheets/sheet1",
        replaced(b"<worksheet", b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet'),
        "defines a document type",
    ),
    "another encoding": (
        "worksheets/sheet1",
        lambda content: [content.replace(b"UTF-8", b"UTF-16").decode().encode("utf-16")],
        "is not stored as UTF-8",
    ),
    "a text that is not there": (
        "worksheets/sheet1",
        replaced(b"<v>3</v>", b"<v>99</v>"),
        "the sheet Action list, near row 2, cannot be read as a workbook (.xlsx): a cell refers to "
        "text number 99, which is missing",
    ),
    "a text before the first": (
        "worksheets/sheet1",
        replaced(b"<v>3</v>", b"<v>-1</v>"),
        "near row 2, cannot be read as a workbook (.xlsx): a cell refers to text number -1",
    ),
    "a text without a number": (
        "worksheets/sheet1",
        replaced(b"<v>3</v>", b"<v>x</v>"),
        "near row 2, cannot be read as a workbook",
    ),
    "a sheet that is cut off": (
        "worksheets/sheet1",
        lambda content: [content[: len(content) // 2]],
        "cannot be read as a workbook",
    ),
    "a workbook that is no XML": ("workbook", lambda _: [b"x"], "cannot be read as a workbook"),
}


@pytest.mark.builds
@pytest.mark.parametrize("fault", HOSTILE_PARTS)
def test_a_hostile_part_of_a_workbook_is_refused(workbook: Path, fault: str) -> None:
    part, change, said = HOSTILE_PARTS[fault]
    file = with_part(workbook, part, change)
    found = said_within(150, "outcomes", file)
    assert str(file) in found
    assert said in found
    assert "copy the list into a new workbook" in found


def test_a_workbook_has_no_more_rows_than_a_sheet(
    workbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churn.outcomes.workbook._ROWS", 1_000)
    file = with_part(workbook, "worksheets/sheet1", inserted(b"</sheetData>", (b"<row/>", 999)))
    with pytest.raises(InputError, match="the sheet Action list has over 1,000 rows"):
        read_file(file)


@pytest.mark.builds
def test_a_part_that_lies_about_its_size_is_refused(workbook: Path) -> None:
    texts = inserted(b"</sst>", (b"<si><t>" + b"x" * 100_000 + b"</t></si>", 1_000))
    data = bytearray(with_part(workbook, "sharedStrings", texts).read_bytes())
    size = data.rindex(b"xl/sharedStrings.xml") - 46 + 24
    data[size : size + 4] = (1_000).to_bytes(4, "little")
    workbook.write_bytes(data)
    assert "cannot be read as a workbook" in said_within(60, "outcomes", workbook)


def test_a_workbook_that_is_packed_without_bounds_is_refused(workbook: Path) -> None:
    packed = workbook.with_name("bzip2.xlsx")
    with zipfile.ZipFile(workbook) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_BZIP2) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(InputError, match="is not packed with deflate"):
        read_file(packed)


def test_the_command_says_it_in_one_message(workspace: Workspace, workbook: Path) -> None:
    part, change, said = HOSTILE_PARTS["a text that is not there"]
    found = workspace.churn("outcome", "import", with_part(workbook, part, change))
    assert found.code == 2
    assert said in " ".join(found.err.split())


# ------------------------------------------------------------------------------ text


def packed_line(start: bytes, path: Path, megabytes: int) -> Path:
    """Write a gzip file: the start, then a single line of this many megabytes."""
    piece = gzip.compress(b"x" * 10_000_000)
    path.write_bytes(gzip.compress(start) + piece * (megabytes // 10))
    return path


@pytest.mark.builds
@pytest.mark.parametrize("start", [b"account_id,note\nA1,", b"account_id,", b""])
def test_a_line_of_gigabytes_is_refused(tmp_path: Path, start: bytes) -> None:
    file = packed_line(start, tmp_path / "accounts.csv.gz", 3_000)
    assert file.stat().st_size < 4_000_000
    line = start.count(b"\n") + 1
    assert f"accounts ({file}): the row that starts on line {line} has over 40,000,000" in (
        said_within(250, "accounts", file)
    )


@pytest.mark.builds
def test_outcomes_of_one_line_of_gigabytes_are_refused(tmp_path: Path) -> None:
    start = b"customer_id,outcome,note\nS01,renewed,"
    file = packed_line(start, tmp_path / "outcomes.csv.gz", 3_000)
    assert f"{file}: the row that starts on line 2 has over 40,000,000 bytes" in said_within(
        250, "outcomes", file
    )


@pytest.mark.builds
@pytest.mark.parametrize("read", ["accounts", "outcomes"])
@pytest.mark.parametrize(
    ("limit", "megabytes"),
    [(4_000_000, 150), pytest.param(limits.BYTES_A_ROW, 1_500, marks=pytest.mark.slow)],
)
def test_a_row_of_endless_short_lines_is_refused(
    tmp_path: Path, read: str, limit: int, megabytes: int
) -> None:
    start = b"account_id,customer_id,outcome\n"
    piece = gzip.compress(b'"\n",' * 2_000_000)
    file = tmp_path / "accounts.csv.gz"
    file.write_bytes(gzip.compress(start) + piece * 100)
    said = said_within(megabytes, read, file, row=limit)
    assert f"the row that starts on line 2 has over {limit:,}" in said


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    shutil.copy(ROOT / "dbt_project.yml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHURN_DATA_DIR", raising=False)
    return Project()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for table in set(TABLES) - {"accounts"}:
        (folder / f"{table}.csv").write_text(TABLES[table])
    return folder


ROWS = b"account_id,signup_date\n" + b"A1,2024-01-01\n" * 200_000


def test_what_unpacks_to_far_more_than_a_table_is_refused(
    project: Project, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UNPACKED_FREELY", 2_000_000)
    monkeypatch.setattr(limits, "UNPACKED_RATIO", 100)
    (source / "accounts.csv.gz").write_bytes(gzip.compress(ROWS))
    with pytest.raises(InputError, match=r"accounts\.csv\.gz\): .* packed bytes unpack to"):
        load(source, project)
    (source / "accounts.csv.gz").unlink()
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for file in source.iterdir():
            opened.write(file, file.name)
        opened.writestr("accounts.csv", ROWS)
    with pytest.raises(InputError, match=r"the member accounts\.csv: .* give the unpacked file"):
        load(archive, project)
    assert not project.load_dir.exists()
    # the unpacked file is not a zip bomb
    (source / "accounts.csv").write_bytes(ROWS)
    assert load(source, project).tables[0].rows == 200_000


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_is_packed_without_bounds_is_refused(
    project: Project, source: Path, tmp_path: Path, packing: int
) -> None:
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w", packing) as opened:
        opened.writestr("accounts.csv", ROWS[:100])
        for file in source.iterdir():
            opened.write(file, file.name)
    with pytest.raises(InputError, match="not packed with deflate"):
        load(archive, project)


def test_a_zip_member_that_lies_about_its_size_is_refused(
    project: Project, source: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for file in source.iterdir():
            opened.write(file, file.name)
        opened.writestr("accounts.csv", ROWS)
    data = bytearray(archive.read_bytes())
    size = data.rindex(b"accounts.csv") - 46 + 24
    data[size : size + 4] = (100).to_bytes(4, "little")
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"accounts\.csv cannot be unpacked \(Bad CRC-32"):
        load(archive, project)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (",".join(f"c{n}" for n in range(5_001)), "the header names 5,001 columns"),
        ("c" * 1_000_001 + ",account_id", "the row of column names has over 1,000,000 characters"),
    ],
)
def test_a_header_without_end_is_refused(tmp_path: Path, header: str, said: str) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(header + "\nx\n")
    with pytest.raises(InputError, match=said):
        Delimited(Origin("accounts", file.name, file), len)


def test_empty_cells_are_counted_too(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(",".join(f"c{n}" for n in range(5_000)) + "\n" + "x\n" * 9_000)
    opened = Delimited(Origin("accounts", file.name, file), len)
    sizes = [len(arrays[0]) for arrays, _ in opened.batches([0, 4_999])]
    assert sum(sizes) == 9_000
    assert max(sizes) * 5_000 <= CELLS_A_BATCH


def test_a_file_of_outcomes_has_so_many_rows(
    workbook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_files, "_MOST_ROWS", 3)
    file = tmp_path / "outcomes.csv"
    file.write_text("customer_id,outcome\n" + "S01,renewed\n" * 3)
    assert len(read_file(file).rows) == 3
    file.write_text("customer_id,outcome\n" + "S01,renewed\nS01,renewed,x\n" * 2)
    with pytest.raises(InputError, match=r"outcomes\.csv has over 3 rows .* in parts"):
        read_file(file)
    more = inserted(b"</sheetData>", (b'<row><c t="str"><v>x</v></c></row>', 3))
    with pytest.raises(InputError, match="the sheet Action list has over 3 rows"):
        read_file(with_part(workbook, "worksheets/sheet1", more))


def test_texts_that_many_cells_share_are_counted(
    workbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_files, "_MOST_CHARACTERS", 100)
    more = inserted(b"</sheetData>", (b'<row><c t="s"><v>3</v></c></row>', 100))
    with pytest.raises(InputError, match="or 100 characters"):
        read_file(with_part(workbook, "worksheets/sheet1", more))


# ------------------------------------------------------------------------------ Parquet


def hostile_parquet(kind: str, path: Path) -> None:
    ids = pa.array([f"A{number}" for number in range(100_000)])
    options: dict[str, object] = {}
    if kind == "dictionary":
        column = pa.DictionaryArray.from_arrays(
            pa.array([0] * len(ids), pa.int32()), pa.array(["x" * 30_000])
        )
    elif kind == "prefixes":
        column = pa.array(["x" * 2_000] * len(ids))
        options = {"use_dictionary": False, "column_encoding": {"n": "DELTA_BYTE_ARRAY"}}
    elif kind == "page":
        ids, column = ids[:1], pa.array(["x" * 140_000_000])
    else:
        ids, nulls = ids[:1], pa.nulls(70_000_000, pa.int8())
        column = pa.ListArray.from_arrays(pa.array([0, len(nulls)], pa.int32()), nulls)
    table = pa.table({"account_id": ids, "n": column})
    pq.write_table(table, path, compression="zstd", **options)


@pytest.mark.builds
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the memory of a process")
@pytest.mark.parametrize("kind", ["dictionary", "prefixes", "page", "list"])
def test_parquet_that_unpacks_to_gigabytes_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "accounts.parquet"
    hostile_parquet(kind, file)
    assert file.stat().st_size < 400_000
    said = said_within(200, "accounts", file, memory=MEMORY)
    assert f"accounts ({file}): reading it needs over {MEMORY:,} bytes of memory" in said


def test_a_cell_of_parquet_is_as_long_as_one_of_csv(project: Project, source: Path) -> None:
    cells = pa.table({"account_id": ["A1"], "note": ["ü" * 16_000_000]})
    pq.write_table(cells, source / "accounts.parquet")
    assert load(source, project).tables[0].rows == 1
    cells = pa.table({"account_id": ["A1"], "note": ["ü" * 16_000_001]})
    pq.write_table(cells, source / "accounts.parquet")
    with pytest.raises(InputError, match="the column note has a cell of over 16,000,000"):
        load(source, project)


def test_parquet_has_so_many_columns(project: Project, source: Path) -> None:
    columns = {f"c{number}": [1] for number in range(5_001)}
    pq.write_table(pa.table(columns), source / "accounts.parquet")
    with pytest.raises(InputError, match="the header names 5,001 columns"):
        load(source, project)


def test_large_rows_of_parquet_are_read_a_few_at_a_time(project: Project, source: Path) -> None:
    table = pa.table({"account_id": [f"A{n}" for n in range(200)], "n": ["x" * 1_000_000] * 200})
    pq.write_table(table, source / "accounts.parquet", use_dictionary=False)
    load(source, project)
    written = pq.ParquetFile(project.load_dir / "accounts.parquet").metadata
    assert [written.num_rows, written.row_group(0).num_rows] == [200, 63]


# ------------------------------------------------------------------------------ tickets


def test_labels_are_a_sample(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "labels.csv"
    rows = "".join(f"we leave you {n},true\n" for n in range(9))
    file.write_text("body,churn_intent\n" + rows)
    monkeypatch.setattr(evaluate, "_MOST_MESSAGES", 8)
    with (
        pytest.raises(InputError, match=r"labels\.csv has over 8 messages .* smaller sample"),
        evaluate.labelled_messages(project, file, None),
    ):
        pass


def test_one_ticket_is_no_file_of_gigabytes(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ticket.txt"
    with file.open("wb") as opened:
        opened.truncate(5 << 30)
    found = workspace.churn("analyze", file)
    assert found.code == 2
    assert "holds over 16,000,000 bytes; a ticket is shorter" in " ".join(found.err.split())
    with file.open("rb") as opened:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(opened))
        with pytest.raises(InputError, match="standard input holds over"):
            commands.pasted("-")


def test_the_words_are_found_among_cells_of_megabytes(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "tickets.csv"
    body = "we leave you now " * 200_000
    file.write_text("ticket_id,body\n" + "".join(f"T{n},{body}\n" for n in range(30)))
    source = open_file(project, file, tmp_path)
    assert (source.rows, source.text_columns) == (30, ("body",))


# ------------------------------------------------------------------------------ formulas


TEXTS = st.text(
    st.one_of(
        st.sampled_from("'=+-@＝,;|\t\"\n\r \u2028\xa0a"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=30,
)


def cells_of_other_programs(text: str) -> list[str]:
    """Return every cell that any program could see in a text, whatever its separator."""
    return [cell.strip(' \xa0"') for cell in re.split(r'[,;|\t\n\r\u2028"]', text)]


@settings(max_examples=1_000, deadline=None)
@given(TEXTS)
def test_every_cell_border_is_guarded_and_read_back(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not any(cell.startswith(FORMULAS) for cell in cells_of_other_programs(guarded(text)))


def test_the_start_of_a_text_alone_can_be_guarded() -> None:
    assert guarded("=1\n- 2;=3", only_start=True) == "'=1\n- 2;=3"
    assert guarded("Hello\n- 2;=3", only_start=True) == "Hello\n- 2;=3"


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_no_program_sees_a_formula_in_an_exported_csv(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    file = tmp_path_factory.mktemp("exports") / "outcomes.csv"
    rows = [("S1", "renewed", text, None, 7) for text in [*texts, SPLIT]]
    write_csv(file, ("customer_id", "outcome", "note", "at", "arr"), rows)
    written = file.read_bytes().decode()
    assert "\"Acme;'=cmd|' /C calc'!A0;\"" in written
    assert not any(cell.startswith(FORMULAS) for cell in cells_of_other_programs(written))
    assert [row.cells["note"] for row in read_file(file).rows] == [*texts, SPLIT]


@pytest.mark.parametrize(
    "text", [SPLIT, "a;'=b", "\n-1", "x,\t@y", "'=1", "''+1", 'say "=1"', "－1|－2", "_x0041_;=1"]
)
def test_a_workbook_gives_back_what_was_guarded(tmp_path: Path, text: str) -> None:
    row = dict.fromkeys(ACTION_LIST) | {
        "customer_id": text,
        "outcome": "renewed",
        "row_key": text,
        "email_body": "Hello\n- one",
    }
    write_workbook(tmp_path / "list.xlsx", [[row[name] for name in ACTION_LIST]])
    [found] = read_file(tmp_path / "list.xlsx").rows
    assert (found.cells["customer_id"], found.cells["row_key"]) == (text, text)
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx").active
    assert sheet.cell(2, ACTION_LIST.index("email_body") + 1).value == "Hello\n- one"
