"""What is said about a ticket, and how the words of a model become that.

The closed vocabularies are the seeds in `seeds/enrichment`, for dbt and for the model alike.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, StrictBool, ValidationError

from churn.enrich.text import clean
from churn.project.vocabulary import read_words

# goes up with any change of what an answer consists of
SCHEMA_VERSION = "1"

VOCABULARIES = Path("seeds/enrichment")
SUMMARY_LENGTH = 200
ACTION_LENGTH = 300
LANGUAGE_LENGTH = 20

# more than that is no answer, and would take long to search for one
_MOST_CHARACTERS = 50_000
_MOST_STARTS = 200

_decoder = json.JSONDecoder()


class BadAnswer(Exception):  # noqa: N818
    """What a model wrote is no answer: `invalid_json` or `wrong_schema`."""

    def __init__(self, error: Literal["invalid_json", "wrong_schema"]) -> None:
        """Carries the word alone, never what was written."""
        super().__init__(error)
        self.error = error


@cache
def vocabulary(name: Literal["categories", "sentiments", "signals"]) -> Mapping[str, str]:
    """The allowed words, in their order, each with its meaning.

    Raises:
        InputError: the seed is not there, or is no list of words with meanings.
    """
    return read_words(VOCABULARIES / f"ticket_{name}.csv")


def _line(value: str, limit: int) -> str:
    """One clean line, cut after a word."""
    text = " ".join(clean(value).split())
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    # a language that does not part its words has no blank to cut at
    words = cut.rsplit(" ", 1)[0] if text[limit - 1] != " " else cut
    return (words if len(words) > limit // 2 else cut).rstrip(" ,;:.") + "…"


def word(value: Any) -> Any:
    """As vocabularies spell it: `Feature Request` is `feature_request`."""
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
    """What is said about one ticket.

    Attributes:
        summary: what the customer wants, one line of at most 200 characters.
        language: the language of the message, such as `en`.
        category: one word of the seed `ticket_categories`.
        sentiment: one word of the seed `ticket_sentiments`.
        signals: any words of the seed `ticket_signals`, each once, in the seed's order.
        churn_intent: whether the customer means to leave.
        recommended_action: one line of at most 300 characters. To be displayed, never acted on.
    """

    summary: Annotated[str, AfterValidator(partial(_line, limit=SUMMARY_LENGTH))]
    language: Annotated[_Word, AfterValidator(lambda value: value[:LANGUAGE_LENGTH])]
    category: Annotated[_Word, AfterValidator(_category)]
    sentiment: Annotated[_Word, AfterValidator(_sentiment)]
    signals: Annotated[list[_Word], AfterValidator(_signals)]
    churn_intent: StrictBool
    recommended_action: Annotated[str, AfterValidator(partial(_line, limit=ACTION_LENGTH))]


def json_schema() -> dict[str, Any]:
    """The JSON schema of an answer, for a model whose output can be held to one.

    What lets a model think before it decides stands first. Texts may be somewhat longer than in an
    `Answer`, so that they are cut there after a word, not here within one.
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
    """The answer in what a model wrote: the last JSON object that is one.

    Before and after it there may be anything: thinking, code fences, remarks.

    Raises:
        BadAnswer: `invalid_json` when there is no JSON object, else `wrong_schema`.
    """
    found = list(_objects(content)) if len(content) <= _MOST_CHARACTERS else []
    for value in reversed(found):
        try:
            return Answer.model_validate(value)
        except ValidationError:
            continue
    raise BadAnswer("wrong_schema" if found else "invalid_json") from None


def _objects(content: str) -> Iterator[Any]:
    """The JSON objects that are not part of another one."""
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
