"""Runs Evidence, the tool that builds the pages, and installs its packages.

Evidence writes `.evidence/` and `build/` into its project folder. So it runs on a copy of
`reports/` in a separate folder, which links to the packages of `reports/`.
"""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from churn.project import Project
from churn.terminal.errors import ChurnError, InputError

REPORTS = Path("reports")
_PACKAGES = REPORTS / "node_modules"
_NEEDED_NODE = (18, 17)
_NO_NODE = (
    "The reports need Node 18.17 or newer with npm, which {found}. Install it "
    "(https://nodejs.org; Debian: apt install nodejs npm; macOS: brew install node), then try "
    "again. Everything else works without it."
)
# our own files in reports/; the rest are packages and files that Evidence writes
_OWN = (
    *("pages", "sources", "components", "static", ".evidence/customization"),
    *("package.json", "evidence.config.yaml", "evidence.settings.json"),
)
# these files alone determine what npm installs
_MANIFESTS = ("package.json", "package-lock.json", "scripts/patch-evidence.mjs")
_LINES_SHOWN = 15
_SUPERVISOR = Path(__file__).with_name("supervised.py").resolve()
_EVIDENCE = ("node", "node_modules/@evidence-dev/evidence/cli.js")
_FAILED_QUERY = "Error in Query!"
_QUIET = {
    "SEND_ANONYMOUS_USAGE_STATS": "no",
    "NO_UPDATE_NOTIFIER": "1",
    "npm_config_update_notifier": "false",
    "NO_COLOR": "1",
}
# Node's heap limit: by default it uses a gigabyte more before it collects garbage
_MEMORY = "--max-old-space-size=1792"


def check_node() -> None:
    """Raise InputError if there is no Node that can build the pages."""
    if not all(shutil.which(tool) for tool in ("node", "npm", "npx")):
        raise InputError(_NO_NODE.format(found="is not installed"))
    answer = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    if version is None or (int(version[1]), int(version[2])) < _NEEDED_NODE:
        raise InputError(_NO_NODE.format(found=f"is {answer.stdout.strip() or 'unknown'} here"))


def install(log: Path) -> None:
    """Install the packages of `reports/package-lock.json`, unless they are installed.

    Raises ChurnError if npm fails.
    """
    wanted = hashlib.sha256(b"\0".join((REPORTS / name).read_bytes() for name in _MANIFESTS))
    installed = _PACKAGES / ".installed"
    with (REPORTS / ".evidence/install.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.is_file() and installed.read_text() == wanted.hexdigest():
            return
        installed.unlink(missing_ok=True)
        # `npm ci` requires the binaries of every platform to be in the registry
        _run(["npm", "install", "--no-save", "--no-audit", "--no-fund"], REPORTS, log)
        installed.write_text(wanted.hexdigest())


def prepare(folder: Path, base_path: str) -> None:
    """Copy Evidence's project to an empty folder, and set the base path of the site.

    `base_path` is empty, or begins with a slash and ends without one.
    """
    for name in _OWN:
        source, copy = REPORTS / name, folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy)
        elif source.is_file():
            shutil.copy(source, copy)
    (folder / "node_modules").symlink_to(_PACKAGES.resolve())
    if base_path:
        with (folder / "evidence.config.yaml").open("a", encoding="utf-8") as config:
            config.write(f'\ndeployment:\n  basePath: "{base_path}"\n')


def export_sources(project: Project, folder: Path, log: Path) -> None:
    """Write the tables that the pages read, one Parquet file per table."""
    _run([*_EVIDENCE, "sources", "--strict"], folder, log, project)


def build_pages(project: Project, folder: Path, log: Path) -> Path:
    """Build every page, and return the site's folder.

    Raises ChurnError if a component cannot show its data, or a query fails.
    """
    said = _run([*_EVIDENCE, "build:strict"], folder, log, project)
    # even in strict mode, Evidence shows a grey box for a failed query and continues
    if failed := [line for line in said.splitlines() if _FAILED_QUERY in line]:
        raise ChurnError(f"A query of a page failed:\n{failed[0]}\nAll that was said is in {log}.")
    return folder / "build"


def develop(project: Project, port: int) -> None:
    """Serve the pages of `reports/` while they are edited, until stopped."""
    command = [*_EVIDENCE, "dev", "--host", "127.0.0.1", "--port", str(port)]
    with _started(command, REPORTS, None, project) as process:
        process.wait()


def _run(command: Sequence[str], folder: Path, log: Path, project: Project | None = None) -> str:
    """Run a command to its end, write its output to the log, and return it.

    Raises ChurnError with the last lines of output if the command fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        start = output.tell()
        with _started(command, folder, output.fileno(), project) as process:
            code = process.wait()
    said = log.read_bytes()[start:].decode(errors="replace")
    if code != 0:
        raise ChurnError(
            f"`{' '.join(command)}` failed:\n{_last_lines(said)}\nAll that was said is in {log}."
        )
    return said


@contextmanager
def _started(
    command: Sequence[str], folder: Path, output: int | None, project: Project | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that ends, with its children, when the block or this process ends."""
    reading_end, writing_end = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", str(_SUPERVISOR), str(reading_end), *command],
            cwd=folder,
            env={
                "NODE_OPTIONS": _MEMORY,
                **os.environ,
                **(_settings(project, folder) if project else {}),
                **_QUIET,
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(reading_end,),
            start_new_session=True,
        )
        os.close(reading_end)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
    finally:
        os.close(writing_end)


def _settings(project: Project, folder: Path) -> dict[str, str]:
    # Evidence treats every file name as relative to the source's folder, even an absolute one
    warehouse = os.path.relpath(project.warehouse.resolve(), (folder / "sources/churn").resolve())
    return {"EVIDENCE_SOURCE__churn__filename": warehouse}


def _last_lines(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-_LINES_SHOWN:])
