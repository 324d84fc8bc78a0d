"""Measures the cost of a command from outside."""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

import psutil

PAUSE_SECONDS = 0.03
# searching for new processes is expensive and would slow down the measured command, so search
# often only at first
PAUSES_A_SEARCH = 15
ERROR_LINES = 30


@dataclass(frozen=True)
class Cost:
    """The cost of a command and its child processes.

    Attributes:
        seconds: wall-clock time.
        cpu_seconds: user and system time of all cores.
        peak_bytes: the peak of memory, as the sum of resident sets.
        spilled_bytes: the peak size of files in the watched folder.
        output: the printed output.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    spilled_bytes: int
    output: str


def cost(
    command: Sequence[object], environment: Mapping[str, str], spill: Path | None = None
) -> Cost:
    """Run a command and return its cost; `spill` is the folder into which it may spill.

    Raises CalledProcessError if it fails; the error's text ends with the command's output.
    """
    arguments = [str(argument) for argument in command]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = perf_counter()
        process = subprocess.Popen(arguments, env=dict(environment), stdout=output, stderr=errors)
        tree = _Tree(psutil.Process(process.pid))
        spilled, pauses = 0, 0
        try:
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                tree.look(search=pauses < PAUSES_A_SEARCH or pauses % PAUSES_A_SEARCH == 0)
                spilled = max(spilled, _size(spill))
                pauses += 1
                sleep(PAUSE_SECONDS)
        except BaseException:
            tree.kill()
            process.wait()
            raise
        seconds = perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        said = output.read()
        if process.returncode:
            lines = (said + errors.read()).splitlines()[-ERROR_LINES:]
            raise Failure(process.returncode, arguments, "\n".join(lines))
    # the system's count misses processes that no parent waited for, and ours misses the last moment
    counted = usage.ru_utime + usage.ru_stime
    return Cost(seconds, max(counted, tree.cpu_seconds), tree.peak_bytes, spilled, said)


class Failure(subprocess.CalledProcessError):
    """A failed command, with its last output."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.output}"


class _Tree:
    """A process and its descendants."""

    def __init__(self, root: psutil.Process) -> None:
        self._root = root
        self._processes = [root]
        self._cpu_seconds: dict[int, float] = {}
        self.peak_bytes = 0

    @property
    def cpu_seconds(self) -> float:
        return sum(self._cpu_seconds.values())

    def kill(self) -> None:
        """Kill all of them."""
        for process in [*self._root.children(recursive=True), self._root]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def look(self, *, search: bool) -> None:
        """Record what the processes use now; with `search`, first look for new processes."""
        if search:
            try:
                self._processes = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
        memory = 0
        for process in self._processes:
            try:
                with process.oneshot():
                    memory += process.memory_info().rss
                    times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            self._cpu_seconds[process.pid] = times.user + times.system
        self.peak_bytes = max(self.peak_bytes, memory, _most_memory(self._root.pid))


def _most_memory(pid: int) -> int:
    """A process's peak memory in bytes so far, if the system records it; else 0."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next(
        (int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0
    )


def _size(folder: Path | None) -> int:
    """The total bytes of files directly in a folder, which may vanish at any time."""
    if folder is None:
        return 0
    size = 0
    try:
        with os.scandir(folder) as files:
            for file in files:
                try:
                    size += file.stat().st_size
                except FileNotFoundError:
                    continue
    except FileNotFoundError:
        pass
    return size


def measured(command: Sequence[object], environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command and its child processes."""
    found = cost(command, environment)
    return found.seconds, found.peak_bytes / 1e6
