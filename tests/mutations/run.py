"""Plant one fault at a time in a copy of the project, and print the check that finds it.

`python tests/mutations/run.py` tries all faults; `run.py 3 7` tries the third and the seventh.
For each fault the script runs the tests that the fault names. If it names none, the script runs
`dbt build` of the bundled sample, with unit and data tests. If these pass, it runs all of
`make test`. Exit code 1 means that no check found one of the faults.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FAULTS = ROOT / "tests/mutations/mutations.toml"
# the copy does not need these, or gets them as a link
_LEFT_OUT = {"build", "logs", "target", "data", "exports", ".git", ".venv"}
_LEFT_OUT_ANYWHERE = {"__pycache__", "node_modules"}
_PYTEST = ["-m", "pytest", "-q", "-x", "-m", "not slow", "-p", "no:cacheprovider"]


def copy_of_project(folder: Path) -> Path:
    """Copy the project with its current changes, and link its installed packages."""
    shutil.copytree(ROOT, folder, symlinks=True, ignore=_left_out)
    for packages in (".venv", "reports/node_modules"):
        if (ROOT / packages).exists():
            (folder / packages).symlink_to((ROOT / packages).resolve())
    return folder


def _left_out(folder: str, names: list[str]) -> set[str]:
    # only at the top, since `scripts/churn/build` is code
    left_out = _LEFT_OUT if Path(folder) == ROOT else set()
    return (left_out | _LEFT_OUT_ANYWHERE).intersection(names)


def apply(fault: dict[str, Any], folder: Path) -> str:
    """Plant a fault in its file; return the original text of the file."""
    file = folder / fault["file"]
    text = file.read_text(encoding="utf-8")
    if text.count(fault["before"]) != 1:
        sys.exit(f"{fault['file']} has not exactly one {fault['before']!r}: correct {FAULTS}")
    file.write_text(text.replace(fault["before"], fault["after"]), encoding="utf-8")
    return text


def found_by(fault: dict[str, Any], folder: Path) -> str:
    """Return the first check that fails, or an empty string if all pass."""
    environment = os.environ | {
        "PYTHONPATH": str(folder / "scripts"),
        "CHURN_WAREHOUSE": str(folder / "build/mutated.duckdb"),
        "CHURN_STORE_DIR": str(folder / "build/store"),
    }
    (folder / "build").mkdir(exist_ok=True)
    python = str(folder / ".venv/bin/python")
    checks: list[tuple[str, list[str]]] = []
    if "tests" in fault:
        checks.append((fault["tests"], [python, *_PYTEST, *fault["tests"].split()]))
    else:
        dbt = str(folder / ".venv/bin/dbt")
        checks.append(("dbt build", [dbt, "build", "--fail-fast", "--quiet", "--full-refresh"]))
    checks.append(("make test", [python, *_PYTEST, "-n", "2", "--dist", "worksteal"]))
    for name, command in checks:
        where = (
            environment
            if name == "dbt build"
            else os.environ | {"PYTHONPATH": environment["PYTHONPATH"]}
        )
        done = subprocess.run(
            command, cwd=folder, env=where, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            lines = [
                line
                for line in done.stdout.splitlines()
                if "Failure in" in line or "FAILED" in line
            ]
            return f"{name}: {lines[0].strip() if lines else done.stdout.strip()[-200:]}"
    return ""


def main(numbers: list[int]) -> int:
    """Try the faults with these numbers, counted from 1; return the number not found."""
    faults = tomllib.loads(FAULTS.read_text(encoding="utf-8"))["mutation"]
    missed = 0
    with tempfile.TemporaryDirectory(prefix="churn-mutations-") as temporary:
        folder = copy_of_project(Path(temporary) / "project")
        for number in numbers or range(1, len(faults) + 1):
            fault = faults[number - 1]
            text = apply(fault, folder)
            try:
                found = found_by(fault, folder)
            finally:
                (folder / fault["file"]).write_text(text, encoding="utf-8")
            missed += not found
            print(f"{number:3} {fault['name']}: {found or 'NOT FOUND'}", flush=True)
    print(f"{missed} not found")
    return missed


if __name__ == "__main__":
    sys.exit(main([int(number) for number in sys.argv[1:]]) > 0)
