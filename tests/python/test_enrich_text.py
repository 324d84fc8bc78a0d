"""The text processing around a model: customers' words before it, the model's words after it."""

import json
import time
import unicodedata
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from churn.enrich.answer import Answer, BadAnswer, json_schema, parse, vocabulary
from churn.enrich.text import CUT, clean, shortened, text_columns, text_hash
from churn.project import Project
from churn.terminal.errors import InputError
from conftest import ROOT

ANSWER = {
    "summary": "Charged twice.",
    "language": "EN",
    "category": "Feature Request",
    "sentiment": "negative",
    "signals": ["urgency", "frustration", "urgency"],
    "churn_intent": True,
    "recommended_action": "Refund one of the charges.",
}

any_text = st.text(st.characters())


@pytest.fixture(autouse=True)
def _project_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


# ------------------------------------------------------------------------------ cleaning


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\0b\u202ec\ufeff\U000e0041d", "abcd"),
        ("a\x01b\x1b[0m\x9f", "a b [0m"),
        ("a\r\nb\rc\u2028d\x0ce", "a\nb\nc\nd\ne"),
        (r"Dear team,\n\nit\tfails\r\nBye", "Dear team,\n\nit fails\nBye"),
        ("  a \t\u00a0 b  \n  \n\n\n c ", "a b\n\nc"),
        ("e\u0301", "é"),
        ("\ud83d\ude00 \udc80 \ud800", "😀 � �"),
        ("می‌خواهم 👩‍👧", "می‌خواهم 👩‍👧"),
        ("", ""),
    ],
)
def test_what_cleaning_does(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(any_text)
def test_cleaned_text_is_clean(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert cleaned.encode().decode() == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    controls = {character for character in cleaned if unicodedata.category(character) == "Cc"}
    assert controls <= {"\n"}
    assert text_hash(cleaned) == text_hash(clean(cleaned))


@pytest.mark.parametrize(
    "piece",
    ["Hello my friend. ", "\0a", " \n", "\ud800a", "é", "解約したい", "\u0301\u0316", r"\n{"],
)
def test_a_million_characters_are_cleaned_in_a_moment(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    short = shortened(clean(text), 4000)
    assert time.process_time() - started < 2
    assert len(short.encode()) <= 4000


@given(any_text.map(clean), st.integers(20, 300))
# the text has fewer characters than its end may have bytes
@example("\U00010000" * 42, 136)
def test_shortened_text_keeps_both_ends_within_the_limit(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert len(short.encode()) <= limit
    if len(text.encode()) <= limit:
        assert short == text
    else:
        start, end = short.split(CUT, 1) if CUT not in text else (short, "")
        assert CUT in text or (text.startswith(start) and text.endswith(end))
        assert len(short.encode()) > limit - 8


# ------------------------------------------------------------------------------ columns


def chosen(columns: Sequence[str], values: Mapping[str, Sequence[object]] | None = None) -> object:
    spec = Project().tables["ticket_messages"]
    return text_columns(spec, columns, lambda name: (values or {}).get(name, []))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["answer", "body", "subject", "text"], ("subject", "body")),
        (["ticket_id", "body", "answer"], ("body",)),
        (["Subject", "queue"], ("Subject",)),
        (["subject", "description"], ("subject", "description")),
        (["content", "message", "description", "text"], ("text",)),
        (["content", " Message"], (" Message",)),
    ],
)
def test_known_columns_are_chosen_by_name(columns: Sequence[str], expected: object) -> None:
    assert chosen(columns) == expected


def test_else_the_longest_text_is_chosen() -> None:
    values = {
        "answer": ["We are very sorry to hear that, and will look into it at once."],
        "uuid": ["0b7e4d2c-7a55-4d2f-9c36-6a3f0c8f6a51-and-more-of-it-and-more-of-it"],
        "stamp": ["2024-01-01 10:00:00.000000 UTC 2024-01-01 10:00:00.000000"],
        "queue": ["a long text in a column that is known to be something else, really"],
        "title": ["It does not work", None],
        "Kundentext": ["Seit gestern lädt die Seite nicht mehr.", "", "Bitte um Hilfe damit."],
        "amount": [1, 2.5],
    }
    assert chosen(list(values), values) == ("Kundentext",)
    assert chosen(["本文"], {"本文": ["解約したいのですが"]}) == ("本文",)


def test_without_a_text_the_columns_are_named() -> None:
    with pytest.raises(InputError, match=r"Columns found: answer, amount\. Name one .* content"):
        chosen(["answer", "amount"], {"answer": ["We will look into it."], "amount": [1]})
    with pytest.raises(InputError, match="customers' words"):
        chosen([])


# ------------------------------------------------------------------------------ answers


def test_an_answer_is_tidied() -> None:
    answer = parse(json.dumps(ANSWER | {"extra": 1, "summary": " Two\n lines\0 \ud800"}))
    assert answer.summary == "Two lines �"
    assert (answer.language, answer.category) == ("en", "feature_request")
    assert answer.signals == ["frustration", "urgency"]
    assert answer.churn_intent is True


@pytest.mark.parametrize(("field", "limit"), [("summary", 200), ("recommended_action", 300)])
def test_long_texts_are_cut_after_a_word(field: str, limit: int) -> None:
    for text in ("word " * 100, "字" * 500, "a" * limit, "a" * (limit + 1)):
        value = getattr(parse(json.dumps(ANSWER | {field: text})), field)
        assert len(value) <= limit
        assert len(value) > limit - 6
        assert value.endswith("…") or value == text
    assert parse(json.dumps(ANSWER | {field: "word " * 100}))
    assert getattr(Answer.model_validate(ANSWER | {field: "word " * 100}), field)[-5:] == "word…"


@pytest.mark.parametrize(
    "change",
    [
        {"category": "Weather"},
        {"category": None},
        {"sentiment": ["negative"]},
        {"signals": ["urgency", "boredom"]},
        {"signals": "urgency"},
        {"churn_intent": "false"},
        {"churn_intent": 0},
        {"churn_intent": None},
        {"summary": 7},
    ],
)
def test_what_the_vocabularies_do_not_have_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadAnswer, match="wrong_schema"):
        parse(json.dumps(ANSWER | change))


def test_no_field_may_be_missing() -> None:
    for field in ANSWER:
        with pytest.raises(BadAnswer, match="wrong_schema"):
            parse(json.dumps({name: ANSWER[name] for name in ANSWER if name != field}))


def test_the_last_answer_counts() -> None:
    first, last = json.dumps(ANSWER), json.dumps(ANSWER | {"churn_intent": False})
    assert parse(f"{{x}} {first} or {last} {{}} }}{{").churn_intent is False


@settings(max_examples=200)
@given(st.one_of(any_text, st.text('{}[]":,a1\\ ', max_size=300)))
def test_any_other_text_is_a_bad_answer(content: str) -> None:
    with pytest.raises(BadAnswer, match=r"^(invalid_json|wrong_schema)$"):
        parse(content)


def test_the_schema_has_the_vocabularies_of_the_seeds() -> None:
    properties = json_schema()["properties"]
    assert list(properties) == list(Answer.model_fields)
    assert properties["category"]["enum"] == list(vocabulary("categories"))
    assert properties["sentiment"]["enum"] == ["negative", "neutral", "positive"]
    assert properties["signals"]["items"]["enum"] == list(vocabulary("signals"))


def test_line_ends_written_as_two_characters_are_read_where_there_are_no_real_ones() -> None:
    assert clean(r"Hello,\nwe left.\r\nBye") == "Hello,\nwe left.\nBye"
    assert clean("See\n" + r"C:\new\reports") == "See\n" + r"C:\new\reports"


@pytest.mark.parametrize(
    ("columns", "read"),
    [
        (("subject", "comments"), ("subject", "comments")),
        (("subject", "body", "comments"), ("subject", "body")),
        (("subject", "answer"), ("subject",)),
        (("subject", "status"), ("subject",)),
    ],
)
def test_a_subject_alone_is_joined_by_the_column_that_reads_like_text(
    columns: tuple[str, ...], read: tuple[str, ...]
) -> None:
    values = {"status": ["open"], "answer": ["Thank you for your message, we will look."]}
    values = {
        name: values.get(name, ["We have been charged twice this month."]) for name in columns
    }
    assert chosen(columns, values) == read
