"""What a command costs, measured from outside."""

import subprocess
from collections.abc import Mapping, Sequence
from time import perf_counter, sleep

import psutil


def measured(command: Sequence[object], environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command that succeeds, with all that it starts."""
    started = perf_counter()
    arguments = [str(argument) for argument in command]
    run = psutil.Popen(arguments, env=dict(environment), stdout=subprocess.DEVNULL)
    peak = 0
    while run.poll() is None:
        try:
            peak = max(peak, _memory(run) + sum(map(_memory, run.children(recursive=True))))
        except psutil.NoSuchProcess:
            break
        sleep(0.02)
    assert run.wait() == 0
    return perf_counter() - started, peak / 1e6


def _memory(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
