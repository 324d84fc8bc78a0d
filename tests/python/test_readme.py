"""README, CONTRIBUTING.md and the guides are right: everything they mention exists and works."""

import html
import re
import shlex
from pathlib import Path

import pytest
import yaml

from churn.project.paths import PATH_SETTINGS
from conftest import ROOT, Workspace
from test_deploy_examples import assert_is_a_command

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/guide").glob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
TEXTS = {name: page.read_text(encoding="utf-8") for name, page in zip(NAMES, PAGES, strict=True)}
ALL_TEXT = "\n".join(TEXTS.values())
EXAMPLES = [
    pytest.param(sql, id=f"{name} {number}")
    for name, text in TEXTS.items()
    for number, sql in enumerate(re.findall(r"```sql\n(.*?)```", text, flags=re.DOTALL), start=1)
]
SOURCE_FOLDERS = (
    *("benchmarks", "docs", "examples", "macros"),
    *("models", "reports", "scripts", "seeds", "tests"),
)


def code(text: str) -> list[str]:
    """Return the lines of the shell blocks, then the inline code of the text."""
    blocks = re.findall(r"```(?:sh|cron)\n(.*?)```", text, flags=re.DOTALL)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()] + re.findall(
        r"`([^`\n]+)`", prose
    )


def shell_commands(text: str) -> list[list[str]]:
    """Return the words of each command in the shell blocks; split chained commands."""
    lines = [
        line
        for block in re.findall(r"```(?:sh|cron)\n(.*?)```", text, flags=re.DOTALL)
        for line in block.splitlines()
    ]
    commands: list[list[str]] = []
    for line in lines:
        words = shlex.split(line, comments=True)
        while "&&" in words:
            end = words.index("&&")
            commands.append(words[:end])
            words = words[end + 1 :]
        commands.append(words)
    return [command for command in commands if command]


def anchors(text: str) -> set[str]:
    """Return the valid anchors of links: the headings as GitHub spells them."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> list[str]:
    """Return the links to missing files or headings; links to other sites are not checked."""
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (
            anchor and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            broken.append(link)
    return broken


# ------------------------------------------------------------------------------ the README


def test_the_readme_is_short() -> None:
    assert len(TEXTS["README.md"].splitlines()) <= 220


def test_the_readme_leads_to_every_guide() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)", TEXTS["README.md"]))
    assert set(NAMES) - {"README.md"} <= linked


def test_the_picture_shows_the_accounts_of_the_sample(sample: Workspace) -> None:
    picture = (ROOT / "docs/images/at-risk-list.svg").read_text(encoding="utf-8")
    shown = html.unescape(re.sub(r"<[^>]+>", "", picture))
    customers = sample.column("""
        select worst_customer_id from marts.at_risk_accounts order by contact_priority limit 15
    """)
    assert all(customer in shown for customer in customers)


def test_the_table_of_rules_has_the_points_of_the_rule_set() -> None:
    variables = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    configured = {
        rule["id"]: " / ".join(str(band["points"]) for band in rule["bands"])
        for rule in variables["risk_rulesets"]["standard"]["rules"]
    }
    rows = re.findall(r"^\| (\w+) \| [^|]+ \| ([\d /]+) \|$", TEXTS["README.md"], re.MULTILINE)
    assert dict(rows) == configured


# ------------------------------------------------------------------------------ every page


def test_there_are_eight_sql_examples() -> None:
    assert len(EXAMPLES) == 8


@pytest.mark.parametrize("sql", EXAMPLES)
def test_every_sql_example_gives_rows_on_the_sample(sql: str, sample: Workspace) -> None:
    assert sample.select(sql.strip().rstrip(";"))


def test_every_make_target_is_explained_and_every_explained_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, flags=re.MULTILINE))
    named = {name for line in code(ALL_TEXT) for name in re.findall(r"\bmake ([a-z-]+)", line)}
    assert targets == named


@pytest.mark.parametrize("text", TEXTS.values(), ids=NAMES)
def test_every_argument_of_make_is_one_of_its_target(text: str) -> None:
    [options] = re.findall(r"^OPTIONS = (.*)$", MAKEFILE, flags=re.MULTILINE)
    for words in shell_commands(text):
        if "make" not in words:
            continue
        target, *arguments = words[words.index("make") + 1 :]
        [recipe] = re.findall(rf"^{target}:.*\n(?:\t.*\n)+", MAKEFILE, flags=re.MULTILINE)
        recipe = recipe.replace("$(OPTIONS)", options)
        for argument in arguments:
            name = argument.partition("=")[0]
            assert re.search(rf"\$\{{?{name}\b", recipe), f"make {target} {argument}"


@pytest.mark.parametrize("text", TEXTS.values(), ids=NAMES)
def test_every_churn_command_exists(text: str) -> None:
    for words in shell_commands(text):
        if ".venv/bin/churn" not in words:
            continue
        arguments = words[words.index(".venv/bin/churn") + 1 :]
        if ">>" in arguments:
            arguments = arguments[: arguments.index(">>")]
        if "--help" not in arguments:
            assert_is_a_command(arguments)


def test_every_setting_is_explained() -> None:
    variables = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    # comments in dbt_project.yml explain the rules and the columns of the sources
    nested = {"risk_action_groups", "risk_rulesets", "saas_tables"}
    of_dbt = {name for name in PATH_SETTINGS if name.startswith("DBT_")}
    rows = "\n".join(line.split("|")[1] for line in ALL_TEXT.splitlines() if line.startswith("| `"))
    explained = set(re.findall(r"`(\w+)`", rows))
    assert (set(variables) - nested) | (set(PATH_SETTINGS) - of_dbt) <= explained


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert not broken_links(page, page.read_text(encoding="utf-8"))


def test_a_broken_link_is_found() -> None:
    page = ROOT / "docs/guide/operator.md"
    text = "[a](README.md) [b](../deploying.md#nothing) [c](#nothing) [d](../deploying.md#cron)"
    assert broken_links(page, text) == ["README.md", "../deploying.md#nothing", "#nothing"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=NAMES)
def test_every_source_file_that_is_named_exists(text: str) -> None:
    """Names with a placeholder in <> are patterns."""
    named = {
        word
        for line in code(text)
        for word in line.split()
        if word.startswith(tuple(f"{folder}/" for folder in SOURCE_FOLDERS)) and "<" not in word
    }
    assert not [name for name in named if not (ROOT / name).exists()]
