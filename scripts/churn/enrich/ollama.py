"""The engine for a model on an Ollama server, by default on this machine.

If a prompt does not fit the context, Ollama cuts off its beginning, which holds the instructions.
So the requested context holds the longest possible prompt. A token is at least one byte, so a text
of `TEXT_BYTES` bytes has at most as many tokens in any language. English needs only a quarter of
that, but rare characters and emoji need all of it.
"""

import asyncio
import ipaddress
import os
import re
from collections.abc import AsyncIterator
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

import httpx
import ollama
from ollama._client import _parse_host
from pydantic import ValidationError

from churn.enrich.answer import SCHEMA_VERSION, Answer, BadAnswer, json_schema, parse
from churn.enrich.engine import (
    MODEL_NOT_FOUND,
    SERVER_UNREACHABLE,
    EngineUnavailable,
    Reading,
)
from churn.enrich.prompt import prompt_version, system_prompt, ticket_prompt
from churn.enrich.text import clean
from churn.project.options import DEFAULT_MODEL
from churn.terminal import plain
from churn.terminal.errors import InputError

# the part of a ticket that is sent: about a page of English; a longer text loses its middle
TEXT_BYTES = 4000
# for an answer: twice the longest English one; doubled after an answer was cut off
ANSWER_TOKENS = 512
MORE_ANSWER_TOKENS = 1024
# instructions and JSON have over two bytes per token in every recent tokenizer
_PROMPT_BYTES_PER_TOKEN = 2
_TEMPLATE_TOKENS = 64

_SEED = 7
_KEEP_ALIVE = "30m"
_MOST_RESPONSE_BYTES = 1_000_000
_CHECK_SECONDS = 10.0
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 4.0
_BUSY = (429, 503)
# DNS labels have at most 63 characters; IPv6 addresses have colons and do not match this
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*\.?", re.I)
# errors for which a retry may help
_MODEL_ERRORS = ("invalid_json", "wrong_schema", "cut_off")


class _Failed(Exception):  # noqa: N818
    """A request failed; the error word says how."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class OllamaEngine:
    """Reads tickets with one model of an Ollama server."""

    name = "ollama"
    schema_version = SCHEMA_VERSION

    def __init__(
        self, host: str | None = None, model: str = DEFAULT_MODEL, *, allow_remote: bool = False
    ) -> None:
        """Prepare a client; this opens no connection yet.

        Args:
            host: in Ollama's format (`127.0.0.1:11434`, `https://host/path`). Defaults to the
                environment variable `OLLAMA_HOST`, else to this machine.
            model: Ollama's name of the model.
            allow_remote: whether the text of tickets may leave this machine.

        Raises:
            InputError: the host is not an address, or is a remote machine without `allow_remote`.
        """
        self.model = model
        self.host, is_here = _address(host or os.environ.get("OLLAMA_HOST") or "")
        if not is_here and not allow_remote:
            raise InputError(
                f"{self.host} is not this machine: the text of tickets would leave it. Allow that "
                "with --allow-remote, or unset OLLAMA_HOST."
            )
        self.prompt_version = prompt_version()
        self._system = system_prompt()
        self._schema = json_schema()
        self._context = _context(self._system)
        self._thinks = False
        self._client = ollama.AsyncClient(
            self.host,
            # send data only to this host: follow no redirects and use no proxy
            follow_redirects=False,
            trust_env=False,
            transport=_BoundedTransport(),
        )

    async def check(self) -> None:
        """Check that the server runs and has the model. Call this once before the first ticket.

        Raises:
            EngineUnavailable: the server or the model is unavailable.
        """
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                shown = await self._client.show(self.model)
        except ConnectionError:
            raise EngineUnavailable(
                f"No Ollama server answers at {self.host}. Start it with `ollama serve`, or say "
                "where it is with OLLAMA_HOST."
            ) from None
        except TimeoutError:
            raise EngineUnavailable(
                f"The server at {self.host} did not answer within {_CHECK_SECONDS:g} seconds. "
                "Restart Ollama, then try again."
            ) from None
        except ollama.ResponseError as error:
            raise EngineUnavailable(self._refusal(error)) from None
        except Exception:
            raise EngineUnavailable(self._no_ollama()) from None
        # only models that think accept the option that turns thinking off
        self._thinks = "thinking" in (shown.capabilities or ())

    def _refusal(self, error: ollama.ResponseError) -> str:
        if error.status_code == 404 and "model" in str(error.error).lower():
            return f"Ollama has no model {self.model}. Get it with `ollama pull {self.model}`."
        if error.status_code >= 500 or error.status_code in _BUSY:
            return (
                f"The server at {self.host} answers with HTTP status {error.status_code}. Look "
                "into its log, or restart Ollama."
            )
        return self._no_ollama()

    def _no_ollama(self) -> str:
        return (
            f"What answers at {self.host} is not an Ollama server. Say where it is with "
            "OLLAMA_HOST."
        )

    async def read(self, text: str, timeout: float) -> Reading:
        """Read the text of a ticket within `timeout` seconds of wall-clock time.

        Retries once after an invalid answer, and repeatedly while the server is busy. Raises
        nothing except cancellation.
        """
        started = perf_counter()
        attempts = 0
        answer = error = None
        try:
            async with asyncio.timeout(timeout):
                prompt = ticket_prompt(clean(text), TEXT_BYTES)
                is_second, pause = False, _FIRST_PAUSE
                while answer is None:
                    attempts += 1
                    try:
                        answer, error = await self._ask(prompt, is_second), None
                    except _Failed as failed:
                        error = failed.error
                        left = timeout - (perf_counter() - started)
                        if error == "server_busy" and pause < left:
                            await asyncio.sleep(pause)
                            pause = min(2 * pause, _LONGEST_PAUSE)
                        elif error in _MODEL_ERRORS and not is_second:
                            is_second = True
                        else:
                            break
        except TimeoutError:
            answer, error = None, f"timeout_after_{timeout:g}s"
        return Reading(answer, error, round(1000 * (perf_counter() - started)), attempts)

    async def _ask(self, prompt: str, is_second: bool) -> Answer:
        """Send one request. Raises _Failed, which holds nothing of the request or response."""
        options = {
            # at temperature 0 a retry would repeat the first answer
            "temperature": 0.3 if is_second else 0,
            "seed": _SEED,
            "num_predict": MORE_ANSWER_TOKENS if is_second else ANSWER_TOKENS,
            "num_ctx": self._context,
        }
        try:
            response = await self._client.chat(
                self.model,
                [
                    {"role": "system", "content": self._system},
                    {"role": "user", "content": prompt},
                ],
                stream=False,
                think=False if self._thinks else None,
                format=self._schema,
                options=options,
                keep_alive=_KEEP_ALIVE,
            )
        except ollama.ResponseError as error:
            raise _Failed(_status_error(error.status_code)) from None
        except ConnectionError:
            raise _Failed(SERVER_UNREACHABLE) from None
        except httpx.TransportError:
            raise _Failed("connection_lost") from None
        except ValidationError:
            raise _Failed("wrong_schema") from None
        except (ValueError, TypeError, AttributeError, RecursionError, httpx.HTTPError):
            # the body is not Ollama's JSON, for example an HTML page
            raise _Failed("invalid_json") from None
        try:
            return parse(response.message.content or "")
        except BadAnswer as bad:
            raise _Failed("cut_off" if response.done_reason == "length" else bad.error) from None

    async def device(self) -> str | None:
        """Return where the model runs: `GPU`, `CPU` or `GPU and CPU`; None if unknown.

        Call this after a ticket was read, while the model is loaded.
        """
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                running = (await self._client.ps()).models
        except Exception:
            return None
        for model in running:
            if _full_name(self.model) in (_full_name(model.name), _full_name(model.model)):
                on_gpu, size = model.size_vram, model.size
                if on_gpu is None or not size:
                    return None
                return "CPU" if on_gpu == 0 else "GPU" if on_gpu >= size else "GPU and CPU"
        return None

    async def close(self) -> None:
        """Close connections; the engine cannot be used afterwards."""
        await self._client.close()  # type: ignore[no-untyped-call]


class _BoundedTransport(httpx.AsyncHTTPTransport):
    """Limits the size of responses, so that none fills the memory."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # a small compressed response may be large when unpacked
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            await response.aclose()
            raise _Failed("invalid_json")
        response.stream = _BoundedStream(cast(httpx.AsyncByteStream, response.stream))
        return response


class _BoundedStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > _MOST_RESPONSE_BYTES:
                raise _Failed("invalid_json")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def _address(host: str) -> tuple[str, bool]:
    """The URL that the client derives from a host, and whether it is this machine."""
    try:
        url = _parse_host(host.strip())
        sent = httpx.URL(url).raw_host.decode()
        parts = urlsplit(url)
    except (ValueError, httpx.InvalidURL):
        sent, parts = "", urlsplit("")
    name = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not (":" in sent or _HOST_NAME.fullmatch(sent)):
        raise InputError(
            f"The Ollama host is {plain(host, 100)}, which is no address. "
            "Write it as http://127.0.0.1:11434."
        )
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return url, name == "localhost"
    if address.is_unspecified:
        # the address of a server that listens on every interface; clients use loopback
        loopback = "127.0.0.1" if address.version == 4 else "[::1]"
        return f"{parts.scheme}://{loopback}:{parts.port}{parts.path}", True
    return url, address.is_loopback


def _context(system: str) -> int:
    """The number of tokens that hold the longest prompt and the longest answer."""
    needed = (
        len(system.encode()) // _PROMPT_BYTES_PER_TOKEN
        + TEXT_BYTES
        + MORE_ANSWER_TOKENS
        + _TEMPLATE_TOKENS
    )
    return -(-needed // 512) * 512


def _status_error(status: int) -> str:
    if status in _BUSY:
        return "server_busy"
    return MODEL_NOT_FOUND if status == 404 else f"server_error_{status}"


def _full_name(model: str | None) -> str:
    return f"{model}" if model and ":" in model.rsplit("/", 1)[-1] else f"{model}:latest"
