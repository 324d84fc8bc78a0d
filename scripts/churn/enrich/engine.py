"""The interface of engines, which read tickets with any model."""

from dataclasses import dataclass
from typing import Protocol

from churn.enrich.answer import Answer
from churn.terminal.errors import ChurnError

SERVER_UNREACHABLE = "server_unreachable"
MODEL_NOT_FOUND = "model_not_found"


class EngineUnavailable(ChurnError):  # noqa: N818
    """No ticket can be read now; the message says what to do."""


@dataclass(frozen=True)
class Reading:
    """The result of reading one ticket: an answer or an error, never both.

    Attributes:
        answer: the answer about the ticket.
        error: one word: `invalid_json`, `wrong_schema`, `cut_off`, `timeout_after_60s`,
            `model_not_found`, `server_unreachable`, `server_busy`, `server_error_500` (or another
                HTTP status), `connection_lost`; `no_text` if there was nothing to read.
            latency_ms: from the first request to the end, including retries and waiting.
            attempts: the number of requests to the model.
    """

    answer: Answer | None
    error: str | None
    latency_ms: int
    attempts: int

    @property
    def is_outage(self) -> bool:
        """Whether the server or the model is unavailable, so the next ticket would fail too."""
        return self.error in (SERVER_UNREACHABLE, MODEL_NOT_FOUND)


class Engine(Protocol):
    """Reads tickets concurrently. Results are comparable if all four names are equal."""

    @property
    def name(self) -> str:
        """The name of the engine, such as `ollama`."""
        ...

    @property
    def model(self) -> str:
        """The engine's name of the model."""
        ...

    @property
    def prompt_version(self) -> str:
        """A version that changes with the prompt."""
        ...

    @property
    def schema_version(self) -> str:
        """A version that changes with the structure of an answer."""
        ...

    async def check(self) -> None:
        """Check that tickets can be read. Call this once before the first ticket.

        Raises:
            EngineUnavailable: no ticket can be read now.
        """
        ...

    async def read(self, text: str, timeout: float) -> Reading:
        """Read the text of a ticket within `timeout` seconds of wall-clock time.

        Errors of the ticket, the model or the server are returned, not raised.
        """
        ...

    async def device(self) -> str | None:
        """Return where the model runs: `GPU`, `CPU` or `GPU and CPU`; None if unknown."""
        ...

    async def close(self) -> None:
        """Close connections; the engine cannot be used afterwards."""
        ...
