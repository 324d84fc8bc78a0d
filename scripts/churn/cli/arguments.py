"""Options and arguments that several commands share, and functions that parse them."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from churn.project import Project
from churn.project.options import EXPORT_FORMATS
from churn.project.paths import expanded, given
from churn.terminal import plain
from churn.terminal.errors import InputError


def expanded_path(path: Path | None) -> Path | None:
    """Expand a leading `~` of a path from the command line."""
    return None if path is None else given(path)


def expanded_text(text: str | None) -> str | None:
    """Do the same for a text that may be a path."""
    return text and (str(expanded(Path(text))) if text.startswith("~") else text)


Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER|ZIP",
        callback=expanded_path,
        help="Load these files first and build from them. Without it: the data of "
        "`CHURN_DATA_DIR` where that is set, else the bundled sample.",
    ),
]
Partial = Annotated[
    bool,
    typer.Option("--partial", help="Replace only the tables that are given; keep the others."),
]
Variables = Annotated[
    str,
    typer.Option(
        "--vars",
        metavar="YAML",
        help="Variables of `dbt_project.yml`, such as "
        "`{as_of_date: 2026-06-30, risk_ruleset: basic}`.",
    ),
]


def parsed_variables(project: Project, text: str) -> dict[str, Any]:
    """Parse the variables of `--vars`; raises InputError for bad YAML and for unknown names."""
    try:
        variables = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError) as error:
        # the last line of a long YAML error, such as "expected ',' or '}', but got '<stream end>'"
        why = getattr(error, "problem", None) or error
        raise InputError(
            f"--vars cannot be read: {why}, in {plain(text, 100)}. Write it as "
            "{as_of_date: 2026-06-30}, with a date that exists."
        ) from error
    if not isinstance(variables, dict):
        raise InputError("--vars must name its values, such as {as_of_date: 2026-06-30}.")
    unknown = [str(name) for name in variables if name not in project.variables]
    if unknown:
        named = ", ".join(plain(_with_close_name(name, project.variables), 100) for name in unknown)
        raise InputError(f"--vars names {named}; there are: {', '.join(project.variables)}.")
    return variables


def chosen_formats(text: str) -> list[str]:
    """Parse `--format` into distinct names; raises InputError for an unknown name."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in EXPORT_FORMATS]
    if unknown:
        raise InputError(
            f"There is no format {plain(', '.join(unknown))}; there are: "
            f"{', '.join(EXPORT_FORMATS)}."
        )
    return list(dict.fromkeys(names))


def limit_of(text: str) -> int | None:
    """Parse `--limit` into a number, or None for `all`; raises InputError for anything else."""
    if text.strip().lower() == "all":
        return None
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text.strip(), re.ASCII):
        raise InputError(
            f"--limit must be a whole number from 1 to 999,999,999, or all, not {text}."
        )
    return int(text)


def _with_close_name(name: str, known: Sequence[str]) -> str:
    """The name, followed by the closest known name in brackets."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name} (did you mean {close[0]}?)" if close else name
