"""What reads a ticket, whatever model is behind it."""

from dataclasses import dataclass
from typing import Protocol

from churn.enrich.answer import Answer
from churn.terminal.errors import ChurnError

SERVER_UNREACHABLE = "server_unreachable"
MODEL_NOT_FOUND = "model_not_found"


class EngineUnavailable(ChurnError):  # noqa: N818
    """No ticket can be read now; the message says what to do about it."""


@dataclass(frozen=True)
class Reading:
    """What came of reading one ticket: an answer or an error, never both.

    Attributes:
        answer: what is said about the ticket.
        error: one word: `invalid_json`, `wrong_schema`, `cut_off`, `timeout_after_60s`,
            `model_not_found`, `server_unreachable`, `server_busy`, `server_error_500` (or another
            HTTP status), `connection_lost`; `no_text` where there was nothing to ask about.
        latency_ms: from the first request to the end, repetitions and waiting included.
        attempts: how often the model was asked.
    """

    answer: Answer | None
    error: str | None
    latency_ms: int
    attempts: int

    @property
    def is_outage(self) -> bool:
        """Whether the next ticket would fare the same: the server or the model is not there."""
        return self.error in (SERVER_UNREACHABLE, MODEL_NOT_FOUND)


class Engine(Protocol):
    """Reads tickets, several at a time. The four names tell which results are comparable."""

    @property
    def name(self) -> str:
        """The engine, such as `ollama`."""
        ...

    @property
    def model(self) -> str:
        """The model, as the engine calls it."""
        ...

    @property
    def prompt_version(self) -> str:
        """Changes with what the model is told."""
        ...

    @property
    def schema_version(self) -> str:
        """Changes with what an answer consists of."""
        ...

    async def check(self) -> None:
        """Call once before the first ticket.

        Raises:
            EngineUnavailable: no ticket can be read now.
        """
        ...

    async def read(self, text: str, timeout: float) -> Reading:
        """Read the text of a ticket within `timeout` seconds of wall-clock time.

        Raises nothing that has to do with the ticket, the model or the server.
        """
        ...

    async def device(self) -> str | None:
        """What the model runs on: `GPU`, `CPU` or `GPU and CPU`; None when nobody says."""
        ...

    async def close(self) -> None:
        """Let go of connections; the engine cannot be used afterwards."""
        ...
