"""What the project says about itself: paths, `dbt_project.yml`, the profile, vocabularies.

Edit `dbt_project.yml` and `profiles.yml` to tune the project; this folder only reads them.
"""

from churn.project.dbt_project import PROJECT_FILE, Project, TableSpec

__all__ = ["PROJECT_FILE", "Project", "TableSpec"]
