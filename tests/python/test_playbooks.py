"""A customer's page agrees with the marts and always fits on one page, whatever the texts."""

import io
import os
import re
import unicodedata
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.export.names import file_name
from churn.export.playbooks import Printer, write_playbooks
from churn.export.rows import Export, read
from churn.project import Project
from conftest import ROOT, Workspace

JAPANESE = "S1011-1"
HOSTILE = {
    "quotes": "She said \"no\", 'maybe', `never`",
    "html": "<script>alert(1)</script> &amp; <b>x</b>",
    "formula": '=1+1 =HYPERLINK("http://example.com","x") @SUM(A1)',
    "markup": '#panic("x") $x$ *b* _e_ @ref <label> // c /* d */ ~ -- --- ... = h',
    "backslashes": r"C:\new\table \u{41} \" \#",
    "braces": "{customer_phrase} ${x} %s {{ y }}",
    "ligatures": "office waffle efficient -> != <=",
    "4 bytes": "𝕏 𝔘𝔫𝔦 𠮷 😀 🎉",
    "chinese and korean": "中文公司简体 한국어 회사",
    "japanese": "株式会社山吹建設・テスト",
    "greek and cyrillic": "Ελλάς Здравствуйте",
}
RIGHT_TO_LEFT = ["שלום חברה", "شركة النور"]


@pytest.fixture(scope="module")
def export(sample: Workspace) -> Export:
    with sample.active(), pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        found = read(Project())
        # read all rows now, so that tests can change some of them
        return replace(found, customers=list(found.customers))


@pytest.fixture(scope="module")
def pages() -> Printer:
    return Printer()


def one_page(pdf: bytes) -> str:
    [page] = pypdf.PdfReader(io.BytesIO(pdf)).pages
    assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)
    return page.extract_text()


def squeezed(text: object) -> str:
    """Return the text without accents, spaces and control characters, which line breaks change."""
    decomposed = unicodedata.normalize("NFD", str(text))
    return "".join(c for c in decomposed if unicodedata.category(c)[0] not in "CMZ")


def assert_on(page: str, *texts: object) -> None:
    for text in texts:
        assert squeezed(text) in squeezed(page), text


def replacement_texts(pdf: bytes) -> str:
    """Return the replacement texts for glyphs, such as those that no font has."""
    contents = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].get_contents()
    assert contents is not None
    spans = re.findall(rb"ActualText<(?:FEFF)?([0-9A-F]+)>", contents.get_data())
    return "".join(bytes.fromhex(span.decode()).decode("utf-16-be") for span in spans)


def everywhere(customer: dict[str, Any], text: str) -> dict[str, Any]:
    """Return the customer with all texts replaced by this one."""
    return customer | {
        "customer_id": text,
        "account": text,
        "csm_name": text,
        "plan_tier": text,
        "industry": text,
        "country": text,
        "email_subject": text,
        "email_body": f"Hello {text} team,\n\n{text}\n",
        "slack_message": f"*{text}*: High",
        "steps": [
            step | {"step": text, "why": text, "owner": text, "channel": text}
            for step in customer["steps"]
        ],
        "rules": [rule | {"reason": text, "label": text} for rule in customer["rules"]],
    }


# ---------------------------------------------------------------------------- content


def test_every_customer_of_the_sample_has_one_page_with_the_figures_of_the_marts(
    sample: Workspace, export: Export, pages: Printer
) -> None:
    marts = {
        row["customer_id"]: row
        for row in sample.select(
            "select * from marts.at_risk_customers "
            "inner join marts.outreach_drafts using (customer_id)"
        )
    }
    assert len(export.customers) > 50
    for customer in export.customers:
        page = one_page(pages.pdf(customer, export))
        row = marts[customer["customer_id"]]
        assert_on(
            page,
            row["customer_id"],
            row["account_name"],
            f"{row['risk_level'].upper()} RISK {row['risk_score']} of 100",
            f"ARR {row['arr']:,.0f} Plan {row['plan_tier']}",
            f"{row['next_renewal_date']}{' (estimated)' * row['is_renewal_estimated']}",
            row["csm_name"] or "Owner –",
            f"{row['first_at_risk_date']}, {row['weeks_at_risk']} week",
            row["list_status"],
            row["email_subject"],
            row["email_body"],
            row["slack_message"],
            "As of 2026-09-27, rule set standard",
            "do not send to the customer",
        )
        assert page.count("…") == 1, "only the legend has an ellipsis: no text is cut"


@pytest.mark.parametrize("customer_id", ["S1082-2", JAPANESE, "S1256-1", "S1386-1"])
def test_reasons_steps_and_history_are_those_of_the_marts(
    sample: Workspace, export: Export, pages: Printer, customer_id: str
) -> None:
    page = one_page(pages.pdf(of(export, customer_id), export))
    evaluations = sample.select(
        "select * from marts.risk_rule_evaluations where customer_id = ?", customer_id
    )
    [score] = sample.column(
        "select risk_score from marts.customer_risk where customer_id = ?", customer_id
    )
    fired = [rule for rule in evaluations if rule["fired"]]
    assert score == sum(rule["points"] for rule in fired)
    for rule in fired:
        assert re.search(
            re.escape(squeezed(rule["reason"])) + r"[0-9.%a-z]+" + rf"\+{rule['points']}\b",
            re.sub(r"[ \u200b]", "", page),
        )
    labels = dict.fromkeys(
        sample.column(
            "select driver_label from marts.risk_rules inner join marts.risk_rule_evaluations "
            "using (rule_id) where customer_id = ? and not fired order by risk_rules.rule_order",
            customer_id,
        )
    )
    for label in labels:
        assert_on(page, f"{label} (")
    for step in sample.select(
        "select * from marts.next_best_actions where customer_id = ?", customer_id
    ):
        assert_on(
            page,
            f"{step['step_number']} {step['due_date']} {step['step']} {step['why'] or ''} "
            f"{step['owner']} {step['channel']}",
        )
    [history] = sample.select(
        "select min(risk_score) as low, max(risk_score) as high, max(as_of_date) as last "
        "from marts.customer_risk_history where customer_id = ? and as_of_date >= "
        "(select start_date from marts.customer_risk where customer_id = ?)",
        customer_id,
        customer_id,
    )
    assert_on(page, f"Lowest {history['low']}, highest {history['high']}.", history["last"])
    assert_on(page, "Score over 26 weeks", "2026-04-05", "High from 60", "Medium from 30")


def of(export: Export, customer_id: str) -> dict[str, Any]:
    [customer] = [c for c in export.customers if c["customer_id"] == customer_id]
    return customer


def test_levels_are_those_of_the_rule_set_that_was_built(
    sample: Workspace, export: Export, pages: Printer
) -> None:
    levels = dict(
        zip(
            *(
                sample.column(f"select {name} from marts.risk_levels")
                for name in ("risk_level", "level_from")
            ),
            strict=True,
        )
    )
    page = one_page(pages.pdf(export.customers[0], export))
    assert_on(page, f"High from {levels['High']}", f"Medium from {levels['Medium']}")
    other = replace(export, summary=export.summary | {"high_from": 71, "medium_from": 12})
    assert_on(one_page(pages.pdf(export.customers[0], other)), "High from 71", "Medium from 12")


def test_warnings_about_the_data_come_first(export: Export, pages: Printer) -> None:
    warned = replace(export, warnings=["Tickets end on 2026-08-01.", "Usage is thin."])
    page = one_page(pages.pdf(export.customers[0], warned))
    assert page.startswith("Warning: Tickets end on 2026-08-01.\nWarning: Usage is thin.")


def test_what_people_did_is_on_the_page(export: Export, pages: Printer) -> None:
    customer = export.customers[0] | {
        "last_contact_date": date(2026, 9, 20),
        "last_outcome": "meeting_scheduled",
        "list_status": "overdue",
        "is_overdue": True,
    }
    assert_on(
        one_page(pages.pdf(customer, export)), "contact, 2026-09-20", "meeting scheduled", "overdue"
    )
    snoozed = customer | {"list_status": "snoozed", "snoozed_until": date(2026, 10, 15)}
    assert_on(one_page(pages.pdf(snoozed, export)), "snoozed until 2026-10-15")


def test_a_value_just_below_a_threshold_does_not_look_as_if_it_reached_it(
    export: Export, pages: Printer
) -> None:
    rules = [rule | {"signal_value": rule["threshold"]} for rule in export.customers[0]["rules"]]
    almost = type(rules[0]["threshold"])("0.599999")
    rules[0] |= {"signal_value": almost}
    page = one_page(pages.pdf(export.customers[0] | {"rules": rules}, export))
    assert "59.9%" in page
    assert "60%" not in page


def test_the_chart_begins_with_the_history_where_the_as_of_date_is_no_sunday(
    export: Export, pages: Printer
) -> None:
    wednesday = date(2026, 9, 23)
    sundays = [date(2026, 9, 20) - timedelta(weeks=ago) for ago in reversed(range(25))]
    weeks = [{"as_of_date": day, "score": 40, "level": "Medium"} for day in [*sundays, wednesday]]
    customer = export.customers[0] | {"weeks": weeks}
    page = one_page(pages.pdf(customer, replace(export, as_of=wednesday)))
    assert_on(page, "Score over 26 weeks", sundays[0], wednesday, "Lowest 40, highest 40.")
    assert "History begins" not in page


# ---------------------------------------------------------------------------- any text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_texts_are_texts(export: Export, pages: Printer, text: str) -> None:
    customer = everywhere(export.customers[0], text)
    pdf = pages.pdf(customer, export)
    page = one_page(pdf)
    assert_on(page, f"Customer playbook {text}", f"Hello {text} team, {text}", f"*{text}*: High")
    assert pypdf.PdfReader(io.BytesIO(pdf)).metadata.title.startswith(f"Customer playbook {text}")


@pytest.mark.parametrize("text", RIGHT_TO_LEFT)
def test_text_from_right_to_left_leaves_the_rest_where_it_is(
    export: Export, pages: Printer, text: str
) -> None:
    customer = everywhere(export.customers[0], text) | {"industry": "5 Sites", "country": "Peru"}
    page = one_page(pages.pdf(customer, export))
    # the order of right-to-left text depends on the parser
    assert set(text) <= set(page)
    assert re.search(r"· 5 Sites · Peru", page)
    assert "HIGH RISK 81 of 100" in page


def test_control_characters_and_overrides_are_left_out(export: Export, pages: Printer) -> None:
    text = "a\x00b\x1b[31mc\nd\u2028e \u202eexe.txt\u202c f\ud800g"
    page = one_page(pages.pdf(everywhere(export.customers[0], text), export))
    assert_on(page, "Customer playbook a b [31mc d e exe.txt f g")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e]", page)


def test_what_no_font_has_is_there_to_be_read_by_programs(export: Export, pages: Printer) -> None:
    # missing glyphs share one glyph, which reads as the first of them; the others need their own
    # text
    pdf = pages.pdf(everywhere(export.customers[0], "\U00013000 \U00012000 \U00010900"), export)
    assert_on(one_page(pdf), "HIGH RISK 81 of 100", "do not send to the customer")
    assert "\U00012000" in replacement_texts(pdf)


def test_the_fonts_of_the_packages_have_every_character_of_the_sample(
    export: Export, pages: Printer
) -> None:
    for customer in export.customers:
        pdf = pages.pdf(customer, export)
        assert "\x00" not in one_page(pdf)
        assert replacement_texts(pdf) == ""
    assert_on(one_page(pages.pdf(of(export, JAPANESE), export)), "株式会社山吹建設")


LONG = [
    "W" * 500,
    "word " * 100,
    "株" * 500,
    "﷽" * 500,
    "Z̴̢̛a̶̡͠l̵͉͝g̷̨͂o̸͎͝ " * 40,
    "😀" * 500,
    "שלום " * 100,
    "\n" * 500,
    "x\n" * 500,
]


@pytest.mark.parametrize("text", LONG, ids=lambda text: ascii(text[:4]))
@pytest.mark.parametrize("warnings", [0, 9])
def test_a_page_is_one_page_however_long_the_texts(
    export: Export, pages: Printer, text: str, warnings: int
) -> None:
    customer = everywhere(export.customers[0], text)
    customer |= {
        "email_body": f"{text}\n" * 4,
        "slack_message": f"{text} " * 4,
        "rules": customer["rules"] * 5,
        "steps": customer["steps"] * 5,
    }
    page = one_page(pages.pdf(customer, replace(export, warnings=[text] * warnings)))
    assert_on(page, "do not send to the customer", "As of 2026-09-27", "E-mail to the customer")
    assert_on(page, "and 28 more in marts.next_best_actions")
    if warnings:
        assert_on(page, "and 6 more in quality.data_warnings")


def test_a_long_draft_is_cut_and_says_where_the_whole_is(export: Export, pages: Printer) -> None:
    lines = "\n".join(f"Line {number} of what we would like to say." for number in range(200))
    customer = export.customers[0] | {"email_body": lines, "slack_message": lines}
    page = one_page(pages.pdf(customer, export))
    assert_on(page, "Line 10 of what")
    assert "Line 190" not in page
    assert squeezed(page).count("…(cut:thewholetextisinmarts.outreach_drafts)") == 2


def test_what_is_not_known_is_a_dash(export: Export, pages: Printer) -> None:
    kept = {
        *("customer_id", "account", "risk_score", "risk_level", "weeks_at_risk", "list_status"),
        *("email_subject", "email_body", "slack_message"),
    }
    known = export.customers[0]
    customer = {key: value if key in kept else None for key, value in known.items()}
    customer |= {"rules": [], "steps": [], "weeks": []}
    page = one_page(pages.pdf(customer, export))
    assert_on(page, "ARR – Plan – Renewal – Owner –", "none logged", "No score is known.")
    one_week = customer | {"weeks": known["weeks"][-1:]}
    assert_on(one_page(pages.pdf(one_week, export)), "History begins on 2026-09-27.")


def test_any_text_makes_a_page(export: Export, pages: Printer) -> None:
    @settings(max_examples=30, deadline=None)
    @given(text=st.text(max_size=300), body=st.text(max_size=3_000))
    def makes_a_page(text: str, body: str) -> None:
        customer = everywhere(export.customers[0], text)
        customer |= {"email_body": body, "slack_message": body}
        assert_on(one_page(pages.pdf(customer, export)), "do not send to the customer")

    makes_a_page()


# ---------------------------------------------------------------------------- files


def test_the_same_data_gives_the_same_bytes(export: Export) -> None:
    made = []
    for _ in range(2):
        pages = Printer()
        made.append([pages.pdf(customer, export) for customer in export.customers[:3]])
    assert made[0] == made[1]


def test_the_document_says_what_it_is(export: Export, pages: Printer) -> None:
    reader = pypdf.PdfReader(io.BytesIO(pages.pdf(export.customers[0], export)))
    assert reader.metadata.title == "Customer playbook S1082-2, 2026-09-27"
    assert reader.metadata.author is None
    assert "Vogel" not in str(reader.metadata)
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]


def test_every_customer_gets_a_file(export: Export, tmp_path: Path) -> None:
    hostile = export.customers[0] | {"customer_id": "../../etc/passwd"}
    write_playbooks(replace(export, customers=[*export.customers[:3], hostile]), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"S1082-2.pdf", "S1011-1.pdf", f"{file_name('../../etc/passwd')}.pdf"} <= names
    assert len(names) == 4
    page = one_page((tmp_path / f"{file_name('../../etc/passwd')}.pdf").read_bytes())
    assert_on(page, "../../etc/passwd")


@pytest.mark.parametrize("name", ["S1011-1", "S-8cec59", "A-2e4581", "42", "SUB-001", "C1_2"])
def test_an_ordinary_id_is_its_own_name(name: str) -> None:
    assert file_name(name) == name


@pytest.mark.parametrize(
    ("customer_id", "begins"),
    [
        ("s1011-1", "s1011-1__"),
        ("Acme GmbH & Co.", "acme-gmbh-co__"),
        ("../../etc/passwd", "etc-passwd__"),
        ("CON", "con__"),
        ("COM1", "com1__"),
        ("..", "customer__"),
        ("", "customer__"),
        ("株式会社", "customer__"),
        ("Müller", "muller__"),
        ("-rf", "rf__"),
        ("A" * 300, "a" * 40 + "__"),
        ("S1__0", "s1-0__"),
        ("S1\n", "s1__"),
        ("\ud800", "customer__"),
    ],
)
def test_another_id_becomes_a_readable_name(customer_id: str, begins: str) -> None:
    assert re.fullmatch(re.escape(begins) + "[0-9a-f]{16}", file_name(customer_id))


IDS = st.text() | st.text("aAbB01_-.", max_size=4)


@given(one=IDS, other=IDS)
def test_names_are_safe_and_differ_even_where_case_does_not_count(one: str, other: str) -> None:
    name = file_name(one)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", name)
    assert not re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", name)
    assert os.fspath(Path(name).name) == name
    assert (name.lower() == file_name(other).lower()) == (one == other)
