"""The warehouse lock: only one command at a time builds or publishes the warehouse."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from churn.files.disk import held, saying_what_is_refused
from churn.files.made import check_regular
from churn.project import Project


@contextmanager
def reserved(project: Project) -> Iterator[None]:
    """Hold the warehouse lock until the block ends.

    Raises ChurnError if another process builds or publishes the warehouse, or if its folder is not
    writable. Raises InputError if the warehouse is not a regular file.
    """
    in_use = (
        f"The warehouse {project.warehouse} is being built or published by another command. "
        "Wait until that is done, then try again."
    )
    with ExitStack() as lock:
        with saying_what_is_refused(project.warehouse, "CHURN_WAREHOUSE"):
            check_regular(project.warehouse, "the warehouse in CHURN_WAREHOUSE")
            project.warehouse.parent.mkdir(parents=True, exist_ok=True)
            lock.enter_context(held(project.build_lock, in_use))
        yield
