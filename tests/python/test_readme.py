"""What the README says works."""

import html
import re

import pytest
import yaml

from churn.project.paths import PATH_SETTINGS
from conftest import ROOT, Workspace

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sql\n(.*?)```", README, flags=re.DOTALL)


def test_there_are_seven_sql_examples() -> None:
    assert len(EXAMPLES) == 7


@pytest.mark.parametrize("sql", EXAMPLES, ids=[f"example {n}" for n in range(1, 8)])
def test_every_sql_example_gives_rows_on_the_sample(sql: str, sample: Workspace) -> None:
    assert sample.select(sql.strip().rstrip(";"))


def test_every_make_target_is_explained_and_every_explained_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, flags=re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert targets == named


def test_every_setting_is_explained() -> None:
    variables = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    # the rules and the columns of the sources are explained where they stand
    nested = {"risk_action_groups", "risk_rulesets", "saas_tables"}
    of_dbt = {name for name in PATH_SETTINGS if name.startswith("DBT_")}
    rows = "\n".join(line.split("|")[1] for line in README.splitlines() if line.startswith("| `"))
    explained = set(re.findall(r"`(\w+)`", rows))
    assert (set(variables) - nested) | (set(PATH_SETTINGS) - of_dbt) <= explained


def test_every_file_that_the_readme_links_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert all((ROOT / link).exists() for link in links if not link.startswith("http"))


def test_the_picture_shows_the_accounts_of_the_sample(sample: Workspace) -> None:
    picture = (ROOT / "docs/images/at-risk-list.svg").read_text(encoding="utf-8")
    shown = html.unescape(re.sub(r"<[^>]+>", "", picture))
    customers = sample.column("""
        select worst_customer_id from marts.at_risk_accounts order by contact_priority limit 15
    """)
    assert all(customer in shown for customer in customers)
