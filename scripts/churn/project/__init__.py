"""What the project says about itself: paths, `dbt_project.yml`, the profile, vocabularies.

Tune the project in `dbt_project.yml`, `profiles.yml` and the seeds; this folder only reads them.
"""

from churn.project.dbt_project import PROJECT_FILE, Project, TableSpec

__all__ = ["PROJECT_FILE", "Project", "TableSpec"]
