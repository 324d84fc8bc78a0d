"""The measurements at a scale, stored as JSON under build/bench."""

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import psutil

PACKAGES = ("duckdb", "dbt-core", "dbt-duckdb", "pandas", "pyspark")


@dataclass
class Result:
    """All runs at one scale.

    Attributes:
        scale: the number of usage rows, divided by 25,000.
        data: rows by table, and the cost of generating and loading them.
        settings: the memory limit, the usual limit, and whether the history was built.
        machine: cores, memory, versions, and the load at the start.
        finished: date and time of the end.
        runs: the measurements by name: `windows`, `floor`, `pandas`, `full`, `day`, `spark`.
        skipped: why contenders are missing.
        earlier: contenders measured in an earlier run of the benchmark, and its end.
    """

    scale: float
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    finished: str = ""
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    earlier: dict[str, str] = field(default_factory=dict)

    @property
    def usage_rows(self) -> int:
        """The number of usage rows."""
        return int(self.data["usage_rows"])

    @property
    def memory_limit(self) -> str:
        """DuckDB's memory limit."""
        return str(self.settings["memory_limit"])

    @property
    def is_usual(self) -> bool:
        """Whether the memory limit is the project's default."""
        return self.memory_limit == self.settings["usual_memory_limit"]

    def middle(self, name: str, what: str = "seconds") -> float | None:
        """The median of a contender's runs; None if it did not run."""
        values = [run[what] for run in self.runs.get(name, ())]
        return median(values) if values else None

    def spread(self, name: str) -> tuple[float, float]:
        """The fastest and the slowest run, in seconds."""
        values = [run["seconds"] for run in self.runs[name]]
        return min(values), max(values)

    def ratio(self, name: str, other: str, what: str = "seconds") -> float | None:
        """The ratio of two contenders' medians; None if one of them did not run."""
        one, two = self.middle(name, what), self.middle(other, what)
        return one / two if one is not None and two else None

    def model_times(self, name: str = "full") -> list[tuple[str, float]]:
        """Median seconds of each model, slowest first."""
        runs = self.runs.get(name, ())
        times = {
            model: median(run["models"][model] for run in runs if model in run["models"])
            for run in runs
            for model in run["models"]
        }
        return sorted(times.items(), key=lambda item: -item[1])

    def keep(self, folder: Path) -> "Result":
        """Write the result, merged with earlier measurements under equal conditions; return it."""
        folder.mkdir(parents=True, exist_ok=True)
        limit = re.sub(r"\W", "_", self.memory_limit)
        file = folder / f"scale-{self.scale:g}-{limit}.json"
        kept = self._with_earlier(_read(file)) if file.exists() else self
        partial = folder / f".{file.name}"
        partial.write_text(json.dumps(asdict(kept), indent=1), encoding="utf-8")
        partial.replace(file)
        return kept

    def _with_earlier(self, before: "Result") -> "Result":
        if self._circumstances() != before._circumstances():
            return self
        others = before.runs.keys() - self.runs
        runs = before.runs | self.runs
        skipped = before.skipped | self.skipped
        return replace(
            self,
            runs=runs,
            skipped={name: why for name, why in skipped.items() if name not in runs},
            earlier={name: before.earlier.get(name, before.finished) for name in others},
        )

    def _circumstances(self) -> tuple[Mapping[str, Any], ...]:
        """The conditions that must be equal for two measurements to be comparable."""
        return self.data, self.settings, {**self.machine, "load": None}


def read_all(folder: Path) -> list[Result]:
    """All stored results, by scale; at each scale the usual memory limit comes first."""
    found = [_read(file) for file in sorted(folder.glob("scale-*.json"))]
    return sorted(found, key=lambda result: (result.scale, not result.is_usual))


def _read(file: Path) -> Result:
    return Result(**json.loads(file.read_text(encoding="utf-8")))


def growth(results: Sequence[Result], name: str, what: str = "seconds") -> list[str]:
    """The growth from each scale to the next: `10 → 100: 8.1 × for 10 × the rows`."""
    lines = []
    for before, after in pairwise(result for result in results if result.is_usual):
        one, two = before.middle(name, what), after.middle(name, what)
        if one and two:
            rows = after.usage_rows / before.usage_rows
            lines.append(
                f"{before.scale:g} → {after.scale:g}: {two / one:.1f} × for {rows:.0f} × the rows"
            )
    return lines


def machine() -> dict[str, Any]:
    """The properties that affect measurements; none of them identifies the machine."""
    versions = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.machine()}",
        "load": os.getloadavg()[0],
        "versions": versions,
    }
