"""dbt for tests: parse the project once, and build small companies with as little as possible.

Parsing takes longer than most builds of a small company. Most of such a build is dbt's own work per
table, column and event; the SQL takes an eighth.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.config.project import VarProvider
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ModelNode
from dbt_common.events.event_manager import EventManager

import churn.build.dbt

ROOT = Path(__file__).parents[2]
# commands that need the parsed project
_COMMANDS = {"build", "run", "test", "seed", "run-operation", "compile", "generate"}
_SPARK = {"spark", "spark_cluster"}
# a light build computes fewer weeks; variables on the command line take precedence
FEW = {"history_weeks": 4, "backtest_weeks": 4}

_is_light = False


@contextmanager
def parsed_once(folder: Path) -> Iterator[None]:
    """Give dbt the parsed project from a folder that all test processes share.

    Tests change only one thing that the parsed project depends on: whether data was loaded. dbt
    reads variables and paths at build time, except for the warehouse's name, which is always
    `churn.duckdb`. Copies of the project and processes started by tests parse for themselves.
    """
    invoke = dbtRunner.invoke
    parsed: dict[str, bytes] = {}

    def parse(name: str) -> bytes:
        file = folder / f"{name}.msgpack"
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                target = folder / f"target-{name}"
                command = ["--log-level", "none", "parse", "--target-path", str(target)]
                # parsing fixes the database name of all relations: use the name that every
                # workspace has
                with patch.dict(
                    os.environ, CHURN_WAREHOUSE="churn.duckdb", DBT_LOG_PATH=str(target)
                ):
                    found = invoke(dbtRunner(), command)
                assert found.success, found.exception
                (target / "partial_parse.msgpack").rename(file)
        return file.read_bytes()

    def invoke_prepared(runner: dbtRunner, args: list[str], **settings: Any) -> dbtRunnerResult:
        if not _is_of_this_project(args):
            return invoke(runner, args, **settings)
        name = "loaded" if os.environ.get("CHURN_DATA_DIR") else "sample"
        if name not in parsed:
            parsed[name] = parse(name)
        # dbt modifies the manifest that it is given
        manifest = Manifest.from_msgpack(parsed[name])
        if _is_light:
            _lighten(manifest)
        manifest.build_flat_graph()
        return invoke(dbtRunner(manifest, runner.callbacks), args, **settings)

    with patch.object(dbtRunner, "invoke", invoke_prepared):
        yield


def _is_of_this_project(args: list[str]) -> bool:
    folder = Path(args[args.index("--project-dir") + 1]) if "--project-dir" in args else Path.cwd()
    words = {*args, os.environ.get("DBT_TARGET", "")}
    return folder == ROOT and Path.cwd() == ROOT and bool(_COMMANDS & words) and not _SPARK & words


def _lighten(manifest: Manifest) -> None:
    for node in manifest.nodes.values():
        if isinstance(node, ModelNode):
            node.config.contract.enforced = node.contract.enforced = False
            node.config.persist_docs = {}


@contextmanager
def light() -> Iterator[None]:
    """Build without contracts, descriptions, events and data tests, and with few weeks.

    Full builds of the bundled sample and RavenStack cover what is left out here.
    """
    global _is_light
    before, init = _is_light, VarProvider.__init__

    def with_few(self: VarProvider, variables: dict[str, Any]) -> None:
        init(self, {**variables, **FEW} if "history_weeks" in variables else variables)

    with (
        patch.object(VarProvider, "__init__", with_few),
        patch.object(EventManager, "fire_event"),
        patch.object(churn.build.dbt, "_BUILD", churn.build.dbt._BUILD_UNTESTED),
    ):
        _is_light = True
        try:
            yield
        finally:
            _is_light = before
