"""DuckDB and Spark give the same rows: macro by macro, and all tables of a troublesome company."""

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from churn.store import append
from conftest import AS_OF, HOSTILE, Row, Tables, Workspace, company_of
from spark_engine import FEW_REPLICATES, needs_spark, run_program

# ------------------------------------------------------------------------------ macro by macro

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
    "ratio": "{{ exact_ratio('one', 'other') }}",
    "decimal_share": "{{ decimal_share('one', 'other') }}",
    "commas": "{{ with_commas('one') }}",
    "list": "{{ list_item(sorted_list(['other', 'one', 'null']), 1) }}",
    "no_item": "{{ list_item(sorted_list(['null', 'one']), 2) }}",
    "items": "{{ list_length(sorted_list(['other', 'one', 'null'])) }}",
    "low": "{{ interval_low(sorted_list(['other', 'one'])) }}",
    "percent": "{{ percent_text('least(1, ' ~ share('one', 'other') ~ ')') }}",
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


def question() -> str:
    """One query with every case, as text, for dbt to compile on either engine."""

    def rows(columns: dict[str, str], source: str) -> str:
        return "\nunion all\n".join(
            f"select '{name}' as what, number, cast({sql} as string) as answer from {source}"
            for name, sql in columns.items()
        )

    def given(name: str, kind: str) -> str:
        return (
            f"{{% for row in var('{name}') %}}select {{{{ loop.index }}}} as number"
            "{% for value in row %}, cast("
            "{{ 'null' if value is none else sql_text(value | string) }}"
            f" as {kind}) as {{{{ ['one', 'other'][loop.index0] }}}}"
            "{% endfor %}{{ ' union all ' if not loop.last }}{% endfor %}"
        )

    return f"""
        with texts as (select number, one as text from ({given("texts", "string")}) as given),
        numbers as ({given("pairs", "bigint")}),
        dates as ({given("dates", "date")}),
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
def test_macros_answer_alike_on_bad_values(workspace: Workspace, tmp_path: Path) -> None:
    pairs, dates = ([list(row) for row in rows] for rows in (PAIRS, DATES))
    variables = {"texts": [[text] for text in TEXTS], "pairs": pairs, "dates": dates}

    def answers(target: str) -> list[tuple[Any, ...]]:
        shown = run_program(
            workspace,
            "dbt",
            *("--quiet", "show", "--inline", question(), "--limit", -1, "--output", "json"),
            *("--vars", yaml.safe_dump(variables), "--target", target),
            *("--target-path", tmp_path / target),
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
    assert differing == []
