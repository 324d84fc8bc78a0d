"""Draws the topic, language and text of each ticket."""

from dataclasses import dataclass

import numpy as np

from churn.generate.dynamics import Tickets
from churn.generate.names import LOCALES
from churn.generate.phrases import (
    CLOSINGS,
    FEATURES,
    GREETINGS,
    MONTHS,
    PHRASES,
    TOPICS,
)
from churn.generate.population import PLACES, Accounts, Flags, Ints, Population
from churn.generate.settings import PERIOD_DAYS

# Topic shares (in the order of TOPICS) of healthy, declining and new accounts.
TOPIC_SHARES = np.array(
    [
        [0.32, 0.17, 0.13, 0.11, 0.14, 0.00, 0.03, 0.03, 0.004, 0.04, 0.026],
        [0.13, 0.20, 0.04, 0.06, 0.02, 0.00, 0.27, 0.13, 0.085, 0.035, 0.03],
        [0.28, 0.12, 0.04, 0.06, 0.06, 0.38, 0.02, 0.01, 0.000, 0.03, 0.00],
    ]
)
NEW_ACCOUNT_DAYS = 45

KINDS = {
    "how_to": ("Customer Success", "Request", "usage;question"),
    "bug_report": ("Technical Support", "Incident", "bug;reliability"),
    "feature_request": ("Product", "Request", "feature request"),
    "billing_question": ("Billing", "Request", "billing;invoice"),
    "praise": ("Customer Success", "Feedback", "praise"),
    "onboarding": ("Customer Success", "Request", "onboarding"),
    "frustration": ("Technical Support", "Problem", "complaint"),
    "pricing_pushback": ("Billing", "Problem", "pricing;renewal"),
    "cancellation": ("Customer Success", "Change", "contract"),
    "cancel_something_else": ("Customer Success", "Request", "usage"),
    "will_not_cancel": ("Customer Success", "Request", "contract;renewal"),
}
# Languages that lack phrases for a topic use the nearest topic.
NEAREST = {"feature_request": "how_to", "onboarding": "how_to"}


@dataclass(frozen=True)
class Messages:
    """One entry per ticket. `topic` indexes TOPICS; a ticket may lack a message."""

    topic: Ints
    present: Flags
    language: list[str]
    subject: list[str]
    body: list[str]


def write_messages(
    random: np.random.Generator, population: Population, tickets: Tickets, first_month: int
) -> Messages:
    """Draw the message of each ticket. `first_month` is the month (0 to 11) of day 0."""
    size = len(tickets.account)
    is_new = tickets.day - population.first_start[tickets.account] < NEW_ACCOUNT_DAYS
    kind = np.where(tickets.declining, 1, np.where(is_new, 2, 0))
    steps = np.cumsum(TOPIC_SHARES / TOPIC_SHARES.sum(axis=1, keepdims=True), axis=1)
    topic = (random.random(size)[:, None] >= steps[kind][:, :-1]).sum(axis=1)
    speaks = _languages(population.accounts)
    language = [speaks[account] for account in tickets.account.tolist()]
    month = (first_month + tickets.day // PERIOD_DAYS) % 12
    draws = random.integers(0, 10**6, (size, 7))
    texts = [
        _compose(name, TOPICS[which], current, draw)
        for name, which, current, draw in zip(
            language, topic.tolist(), month.tolist(), draws.tolist(), strict=True
        )
    ]
    return Messages(
        topic=topic,
        present=random.random(size) < 0.97,
        language=language,
        subject=[subject for subject, _ in texts],
        body=[body for _, body in texts],
    )


def _languages(accounts: Accounts) -> list[str]:
    """The language of each account's messages: English, or that of its country."""
    own = [LOCALES[language].language for _, _, language in PLACES]
    return [
        own[place] if local else "en"
        for place, local in zip(
            accounts.place.tolist(), accounts.writes_local_language.tolist(), strict=True
        )
    ]


def _compose(language: str, topic: str, month: int, draw: list[int]) -> tuple[str, str]:
    """The subject and body of one message; `draw` holds seven random integers."""
    phrases = PHRASES.get((language, topic)) or PHRASES[language, NEAREST[topic]]
    words = {
        "feature": _pick(FEATURES[language], draw[0]),
        "number": str(3 + draw[1] % 26),
        "month": MONTHS[language][(month + draw[2] % 3) % 12] if language in MONTHS else "",
    }
    subject, sentence = phrases.openings[draw[4] % len(phrases.openings)]
    sentences = [_pick(GREETINGS[language], draw[3]), sentence]
    if draw[5] % 10 < 7:
        sentences.append(_pick(phrases.details, draw[5] // 10))
    sentences.append(_pick(CLOSINGS[language], draw[6]))
    return subject.format_map(words), " ".join(sentences).format_map(words)


def _pick(options: tuple[str, ...], draw: int) -> str:
    return options[draw % len(options)]
