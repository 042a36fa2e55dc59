"""Older names of arguments and attributes, as Airflow had them: they work, and a warning says the new one."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from typing import Final

from bide.model.provider_errors import RemovalWarning

_DEADLINE: Final = "deadline=DeadlineAlert(...) of the DAG"
_NOTHING: Final = "nothing in its place; it has no effect"
#: What to write instead of arguments of DAGs.
DAG_ARGUMENTS: Final = {
    "concurrency": "max_active_tasks",
    "default_view": _NOTHING,
    "fail_stop": "fail_fast",
    "orientation": _NOTHING,
    "schedule_interval": "schedule",
    "sla_miss_callback": _DEADLINE,
    "timetable": "schedule",
}
#: What to write instead of arguments of Bide's own operators.
TASK_ARGUMENTS: Final = {
    "execution_date": "logical_date",
    "provide_context": "nothing in its place; a function gets what it names of the context",
    "sla": _DEADLINE,
    "task_concurrency": "max_active_tis_per_dag",
    "use_dill": 'serializer="dill"',
    "use_task_execution_date": "use_task_logical_date",
    "xcom_push": "do_xcom_push",
}
# Not pathlib, which takes a tenth of what `import bide` may cost.
_PACKAGE: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120


def warn_of_arguments(of: str, given: Iterable[str], known: dict[str, str]) -> None:
    """One warning for each of the names `given` that is an older one, at the line outside of Bide that gives it."""
    for name in given:
        if name in known:
            warn_of_older(f"{of}: the argument {name!r} is an older one: write {known[name]}")


def warn_of_older(said: str) -> None:
    """A warning at the innermost line outside of Bide."""
    level, frame = 2, sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(said, RemovalWarning, stacklevel=level)
