"""Every folder of the package imports only from itself and from the folders below it."""

import ast
from collections.abc import Iterator

import pytest

from conftest import ROOT

PACKAGE = ROOT / "scripts" / "churn"

# from the lowest to the highest; `build` needs `load`, because it watches the files to be loaded
LAYERS = (
    *("terminal", "files", "project", "warehouse", "load", "build"),
    # the features: each may use the ones before it
    *("lists", "generate", "outcomes", "enrich", "export"),
    *("explain", "backtest", "reports", "spark"),
    "cli",
)
# the entry points, above all folders
OUTSIDE = {"__init__.py", "__main__.py"}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of every import, including those within functions.

    `from churn.build import dbt` imports `churn.build.dbt`.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `ruff` forbids imports from a parent, and imports from a sibling stay within the
            # folder
            base = node.module if node.level == 0 else ""
            yield from ((node.lineno, f"{base}.{each.name}") for each in node.names)


def upward_imports(layer: str, source: str) -> list[str]:
    """Return the forbidden imports of a module, as `line 3: churn.cli.command`."""
    below = LAYERS[: LAYERS.index(layer) + 1]
    return [
        f"line {line}: {name}"
        for line, name in imported(source)
        if name.split(".")[0] == "churn" and name.split(".")[1:2] not in [[each] for each in below]
    ]


@pytest.mark.parametrize("layer", LAYERS)
def test_no_import_runs_upwards(layer: str) -> None:
    modules = sorted((PACKAGE / layer).rglob("*.py"))
    found = {
        str(module.relative_to(ROOT)): upward
        for module in modules
        if (upward := upward_imports(layer, module.read_text(encoding="utf-8")))
    }
    assert modules
    assert found == {}


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("files", "from churn.project import Project"),
        ("warehouse", "import churn.build.dbt"),
        ("warehouse", "from churn import build"),
        ("lists", "def show():\n    from churn.export.rows import read"),
        ("terminal", "if TYPE_CHECKING:\n    from churn.project import Project"),
        ("cli", "import churn"),
    ],
)
def test_an_import_that_runs_upwards_is_found(layer: str, source: str) -> None:
    assert len(upward_imports(layer, source)) == 1


def test_an_import_from_below_is_allowed() -> None:
    source = "import os\nfrom churn.build import dbt\nfrom churn.terminal.errors import ChurnError"
    assert upward_imports("build", source) == []


def test_every_module_has_a_layer() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == set(LAYERS)
    assert {path.name for path in PACKAGE.glob("*.py")} == OUTSIDE


@pytest.mark.parametrize("layer", LAYERS)
def test_every_folder_says_what_it_holds_and_runs_nothing(layer: str) -> None:
    tree = ast.parse((PACKAGE / layer / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body[1:]:
        is_all = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        assert is_all or isinstance(node, ast.ImportFrom), ast.unparse(node)


def test_the_command_imports_a_feature_only_when_it_runs() -> None:
    """CLI modules import only light folders at the top, so that help appears at once."""
    light = [["cli"], ["project"], ["terminal"]]
    for module in sorted((PACKAGE / "cli").glob("*.py")):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = [name for node in top for _, name in imported(ast.unparse(node))]
        heavy = [
            name
            for name in names
            if name.startswith("churn.") and name.split(".")[1:2] not in light
        ]
        assert heavy == [], module.name
