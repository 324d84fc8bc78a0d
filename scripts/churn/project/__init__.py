"""The project's settings: paths, `dbt_project.yml`, the profile, vocabularies.

Tune the project in `dbt_project.yml`, `profiles.yml` and the seeds; this package only reads them.
"""

from churn.project.dbt_project import PROJECT_FILE, Project, TableSpec

__all__ = ["PROJECT_FILE", "Project", "TableSpec"]
