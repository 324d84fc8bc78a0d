"""Measures reading tickets without the model: throughput, a fully cached rerun, memory.

Run it on an otherwise idle machine: .venv/bin/python benchmarks/enrichment.py

The model is a stub in a separate process that answers every ticket in 50 ms, so only the work
around the model is measured. Compare the figures, ratios and peaks, only on the same machine.
"""

import asyncio
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from measure import measured

SECONDS_A_TICKET = 0.05
CONCURRENCY = 4
CHURN = Path(sys.executable).with_name("churn")

ANSWER = {
    "summary": "The customer asks how a report can be shared with colleagues of another team.",
    "language": "en",
    "category": "feature_request",
    "sentiment": "neutral",
    "signals": ["urgency"],
    "churn_intent": False,
    "recommended_action": "Show how reports are shared, and offer a call if that is not enough.",
}
_CHAT = {
    "model": "stub:latest",
    "message": {"role": "assistant", "content": json.dumps(ANSWER)},
    "done": True,
    "done_reason": "stop",
}
_RUNNING = {"models": [{"name": "stub:latest", "model": "stub:latest", "size": 1, "size_vram": 0}]}


def main() -> None:
    """Measure and print."""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True
        ) as server,
    ):
        assert server.stdout is not None
        host = server.stdout.readline().strip()
        try:
            measure(Path(folder), host)
        finally:
            server.kill()


def measure(folder: Path, host: str) -> None:
    """Measure three figures, each by running the command with a separate store."""
    environment = os.environ | {
        "OLLAMA_HOST": host,
        "CHURN_WAREHOUSE": str(folder / "churn.duckdb"),
        "CHURN_STORE_DIR": str(folder / "store"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    for count in (1_000, 10_000, 100_000):
        tickets(folder / f"t{count}.csv", count)

    subprocess.run([CHURN, "run"], env=environment, stdout=subprocess.DEVNULL, check=True)
    enrich(environment, folder / "t1000.csv")
    first, last = times(host)
    ideal = 1_000 * SECONDS_A_TICKET / CONCURRENCY
    print(f"1,000 tickets, {CONCURRENCY} at a time: {ideal / (last - first):.1%} of the ideal")

    # fill the store with answers that a real model would need hours for
    enrich(environment, folder / "t10000.csv", concurrency=64)
    seconds, peak = enrich(environment, folder / "t10000.csv")
    print(f"10,000 known tickets again: {seconds:.1f} s, peak {peak:,.0f} MB")

    _, peak = enrich(environment, folder / "t100000.csv", concurrency=64)
    print(f"100,000 tickets: peak {peak:,.0f} MB, the build of what shows them included")
    seconds, peak = enrich(environment, folder / "t100000.csv")
    print(f"100,000 known tickets again: {seconds:.1f} s, peak {peak:,.0f} MB")


def tickets(file: Path, count: int) -> None:
    """Write distinct messages."""
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(["ticket_id", "submitted_at", "subject", "body"])
        words = "How can I share the weekly report with the other team before the meeting? " * 8
        for number in range(count):
            day = f"2025-{number % 12 + 1:02}-{number % 28 + 1:02} 10:00:00"
            rows.writerow([f"T{count}-{number}", day, f"Question {number} of {count}", words])


def enrich(
    environment: dict[str, str], file: Path, concurrency: int = CONCURRENCY
) -> tuple[float, float]:
    """Seconds and peak memory (MB) of reading a whole file."""
    reading = ("enrich", "--tickets", file, "--limit", "all", "--model", "stub")
    return measured([CHURN, *reading, "--concurrency", concurrency], environment)


def times(host: str) -> tuple[float, float]:
    """The times of the server's first request for a ticket, and of its last answer."""
    import httpx

    first, last = httpx.get(f"{host}/times", trust_env=False).json()
    return first, last


async def serve() -> None:
    """Serve the part of Ollama's HTTP/1.1 protocol that the engine uses."""
    seen: list[float] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                path = line.split()[1]
                length = 0
                while (header := await reader.readline()) != b"\r\n":
                    if header.lower().startswith(b"content-length:"):
                        length = int(header.split(b":")[1])
                await reader.readexactly(length)
                # the description of a model
                body: object = {"capabilities": ["completion"], "model_info": {}}
                if path == b"/api/chat":
                    seen.append(perf_counter())
                    await asyncio.sleep(SECONDS_A_TICKET)
                    seen.append(perf_counter())
                    body = _CHAT
                elif path == b"/api/ps":
                    body = _RUNNING
                elif path == b"/times":
                    body = (min(seen), max(seen))
                    seen.clear()
                data = json.dumps(body).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(data), data)
                )
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    else:
        main()
