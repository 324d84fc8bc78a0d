"""The sample on a real cluster: a standalone master and two workers on this machine."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import ROOT, Workspace
from spark_engine import SHORT, needs_spark, run_program

pytestmark = [pytest.mark.slow, pytest.mark.builds]

_SECONDS = 60


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield the address of a running cluster, and a function that reads its master's log."""
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    port, log = _free_port(), tmp_path / "master.log"
    address = f"spark://127.0.0.1:{port}"
    # each worker has its own folder
    commands = {
        "master": ["master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", 0],
        **{
            worker: [
                *("worker.Worker", "--host", "127.0.0.1", "--cores", 1, "--memory", "1g"),
                *("--webui-port", 0, "--work-dir", tmp_path / worker, address),
            ]
            for worker in ("worker_1", "worker_2")
        },
    }
    running = []
    try:
        for name, (kind, *options) in commands.items():
            with (tmp_path / f"{name}.log").open("wb") as file:
                command = [home / "bin" / "spark-class", f"org.apache.spark.deploy.{kind}"]
                running.append(
                    subprocess.Popen(
                        [str(part) for part in [*command, *options]],
                        cwd=tmp_path,
                        env=environment
                        | {"SPARK_NO_DAEMONIZE": "1", "SPARK_DAEMON_MEMORY": "256m"},
                        stdout=file,
                        stderr=subprocess.STDOUT,
                        # the group includes the executors that a worker starts
                        start_new_session=True,
                    )
                )
            if name == "master":
                _wait_for(log, "I have been elected leader", 1)
        _wait_for(log, "Registering worker", 2)
        yield address, lambda: log.read_text(errors="replace")
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(log: Path, sign: str, times: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while not log.exists() or log.read_text(errors="replace").count(sign) < times:
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
        time.sleep(0.2)


@needs_spark
def test_the_sample_is_the_same_on_a_cluster(
    workspace: Workspace, cluster: tuple[str, Callable[[], str]]
) -> None:
    address, log = cluster
    compared = run_program(
        workspace,
        *("churn", "parity", "--cluster", "--vars", SHORT),
        SPARK_MASTER=address,
        SPARK_LOCAL_IP="127.0.0.1",
        CHURN_SPARK_PARTITIONS="4",
    )
    assert compared.returncode == 0, compared.stdout[-8000:] + compared.stderr[-3000:]
    rows = dict(re.findall(r"^(\w+\.\w+) +([0-9,]+) +0\b", compared.stdout, re.MULTILINE))
    seed = (ROOT / "seeds" / "saas" / "raw_accounts.csv").read_text(encoding="utf-8")
    assert int(rows["raw.raw_accounts"].replace(",", "")) == seed.count("\n") - 1
    # both workers did some of the work
    launched = re.findall(r"Launching executor \S+ on worker (\S+)", log())
    assert len(set(launched)) == 2
