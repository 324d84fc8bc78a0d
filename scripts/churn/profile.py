"""The settings of the profile that dbt builds with, for what runs DuckDB or Spark beside it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment

PROFILES = Path("profiles.yml")


def profile(target: str = "duckdb", environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """A target of the project's profile, filled in from the environment."""
    text = PROFILES.read_text(encoding="utf-8")
    filled = Environment().from_string(text).render(env_var=environment.get)
    outputs: dict[str, dict[str, Any]] = yaml.safe_load(filled)["churn"]["outputs"]
    return outputs[target]
