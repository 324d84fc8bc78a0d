"""The lock of the warehouse: only one command at a time builds or publishes it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from churn.files.disk import held, saying_what_is_refused
from churn.files.made import check_regular
from churn.project import Project


@contextmanager
def reserved(project: Project) -> Iterator[None]:
    """Keep builds and publications of the warehouse apart until the block ends.

    Raises ChurnError while another process builds or publishes it, and where nothing can be
    written beside it; InputError where it is not a regular file.
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
