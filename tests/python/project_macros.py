"""The project's macros as Python functions, rendered with dbt's Jinja but without dbt."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any, NoReturn

import yaml
from dbt_common.clients.jinja import get_environment
from dbt_common.exceptions import CompilationError, MacroReturn
from jinja2 import Template

from conftest import ROOT

# the macros that check the configuration, and those that they call
FILES = ("signals", "rulesets", "variables", "casting", "scoring", "actions", "intervals")
_PREFIX = "dbt_macro__"


def configuration() -> dict[str, Any]:
    """Return the current variables of dbt_project.yml."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    variables: dict[str, Any] = project["vars"]
    return variables


def macros(given: Mapping[str, Any]) -> SimpleNamespace:
    """Return the macros at parse time, with these variables overriding the project's."""
    variables = configuration() | dict(given)
    context: dict[str, Any] = {
        "var": lambda name: variables.get(name),
        "return": _return,
        "exceptions": SimpleNamespace(raise_compiler_error=_raise),
        "modules": SimpleNamespace(re=re),
        "execute": False,
        "graph": {},
        "invocation_args_dict": {"vars": dict(given)},
    }
    for file in _files():
        for macro, function in vars(file.make_module(context)).items():
            if macro.startswith(_PREFIX):
                context[macro.removeprefix(_PREFIX)] = _returning(function)
    return SimpleNamespace(**context)


@cache
def _files() -> list[Template]:
    environment = get_environment(None, capture_macros=True)
    texts = [(ROOT / "macros" / f"{name}.sql").read_text(encoding="utf-8") for name in FILES]
    return [environment.from_string(text) for text in texts]


def _returning(macro: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return macro(*arguments, **named)
        except MacroReturn as returned:
            return returned.value

    return call


def _return(value: Any) -> NoReturn:
    raise MacroReturn(value)


def _raise(message: str) -> NoReturn:
    raise CompilationError(message)
