"""Odd names, values and paths are taken literally in SQL."""

from pathlib import Path

import duckdb
import pytest

from churn.warehouse.sql_text import file_pattern, identifier, literal

ODD = ["plain", "it's", "''", 'a "b"', '"', "order by 1; --", "ü {x} $1 %s", "back\\slash"]


@pytest.mark.parametrize("text", ODD)
def test_a_name_and_a_value_are_what_they_were(text: str) -> None:
    found = duckdb.sql(f"select {literal(text)} as {identifier(text)}")
    assert found.columns == [text]
    assert found.fetchall() == [(text,)]


@pytest.mark.parametrize("name", [*ODD, "[ab]", "a*", "a?", "[!a]"])
def test_a_file_is_the_one_that_is_named(name: str, tmp_path: Path) -> None:
    # files that these names would match if they were read as patterns
    for other in ("a", "b", "ab"):
        (tmp_path / other).write_text("x\nother\n", encoding="utf-8")
    file = tmp_path / name
    file.write_text("x\nright\n", encoding="utf-8")
    found = duckdb.execute("select * from read_csv($file)", {"file": file_pattern(file)})
    assert found.fetchall() == [("right",)]
