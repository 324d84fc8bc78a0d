"""The answer about a ticket, and the parser for a model's output.

The closed vocabularies are the seeds in `seeds/enrichment`; dbt and the model share them.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, StrictBool, ValidationError

from churn.enrich.text import clean
from churn.project.vocabulary import read_words

# increase with every change of the answer's structure
SCHEMA_VERSION = "1"

VOCABULARIES = Path("seeds/enrichment")
SUMMARY_LENGTH = 200
ACTION_LENGTH = 300
LANGUAGE_LENGTH = 20

# a longer output is not an answer, and searching it would be slow
_MOST_CHARACTERS = 50_000
_MOST_STARTS = 200

_decoder = json.JSONDecoder()


class BadAnswer(Exception):  # noqa: N818
    """The model's output is not a valid answer: `invalid_json` or `wrong_schema`."""

    def __init__(self, error: Literal["invalid_json", "wrong_schema"]) -> None:
        """Store only the error word, never the model's output."""
        super().__init__(error)
        self.error = error


@cache
def vocabulary(name: Literal["categories", "sentiments", "signals"]) -> Mapping[str, str]:
    """Return the allowed words with their meanings, in the order of the seed.

    Raises:
        InputError: the seed is missing, or is not a list of words with meanings.
    """
    return read_words(VOCABULARIES / f"ticket_{name}.csv")


def _line(value: str, limit: int) -> str:
    """Clean a text to one line, and cut it after a word."""
    text = " ".join(clean(value).split())
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    # languages without blanks between words offer no place to cut
    words = cut.rsplit(" ", 1)[0] if text[limit - 1] != " " else cut
    return (words if len(words) > limit // 2 else cut).rstrip(" ,;:.") + "…"


def word(value: Any) -> Any:
    """Normalise to the spelling of vocabularies: `Feature Request` becomes `feature_request`."""
    return "_".join(clean(value).lower().split()) if isinstance(value, str) else value


def _category(value: str) -> str:
    return _known(value, vocabulary("categories"))


def _sentiment(value: str) -> str:
    return _known(value, vocabulary("sentiments"))


def _signals(values: list[str]) -> list[str]:
    signals = vocabulary("signals")
    found = {_known(value, signals) for value in values}
    return [signal for signal in signals if signal in found]


def _known(value: str, words: Mapping[str, str]) -> str:
    if value not in words:
        raise ValueError("not in the vocabulary")
    return value


_Word = Annotated[str, BeforeValidator(word)]


class Answer(BaseModel):
    """The answer about one ticket.

    Attributes:
        summary: what the customer wants, one line of at most 200 characters.
        language: the language of the message, such as `en`.
        category: one word of the seed `ticket_categories`.
        sentiment: one word of the seed `ticket_sentiments`.
        signals: distinct words of the seed `ticket_signals`, in the seed's order.
        churn_intent: whether the customer intends to leave.
        recommended_action: one line of at most 300 characters. Display it; never act on it.
    """

    summary: Annotated[str, AfterValidator(partial(_line, limit=SUMMARY_LENGTH))]
    language: Annotated[_Word, AfterValidator(lambda value: value[:LANGUAGE_LENGTH])]
    category: Annotated[_Word, AfterValidator(_category)]
    sentiment: Annotated[_Word, AfterValidator(_sentiment)]
    signals: Annotated[list[_Word], AfterValidator(_signals)]
    churn_intent: StrictBool
    recommended_action: Annotated[str, AfterValidator(partial(_line, limit=ACTION_LENGTH))]


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of an answer, for a model that supports structured output.

    The fields that let a model think before it decides come first. Texts may be somewhat longer
    than in an `Answer`: the schema would cut within a word, and `Answer` cuts after one.
    """
    signals = list(vocabulary("signals"))
    properties: dict[str, Any] = {
        "summary": {"type": "string", "maxLength": SUMMARY_LENGTH * 5 // 4},
        "language": {"type": "string", "maxLength": LANGUAGE_LENGTH},
        "category": {"type": "string", "enum": list(vocabulary("categories"))},
        "sentiment": {"type": "string", "enum": list(vocabulary("sentiments"))},
        "signals": {
            "type": "array",
            "items": {"type": "string", "enum": signals},
            "maxItems": len(signals),
        },
        "churn_intent": {"type": "boolean"},
        "recommended_action": {"type": "string", "maxLength": ACTION_LENGTH * 5 // 4},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def parse(content: str) -> Answer:
    """Find the answer in a model's output: the last JSON object that is a valid answer.

    Any text may surround it: thinking, code fences, remarks.

    Raises:
        BadAnswer: `invalid_json` if there is no JSON object, else `wrong_schema`.
    """
    found = list(_objects(content)) if len(content) <= _MOST_CHARACTERS else []
    for value in reversed(found):
        try:
            return Answer.model_validate(value)
        except ValidationError:
            continue
    raise BadAnswer("wrong_schema" if found else "invalid_json") from None


def _objects(content: str) -> Iterator[Any]:
    """Yield the JSON objects that are not nested in another one."""
    start = content.find("{")
    for _ in range(_MOST_STARTS):
        if start < 0:
            return
        try:
            value, end = _decoder.raw_decode(content, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield value
        start = content.find("{", end)
