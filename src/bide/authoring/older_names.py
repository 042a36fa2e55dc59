"""Older names of arguments and attributes, as Airflow had them: they work, and a warning says the new one."""

from __future__ import annotations

import collections
import enum
import os
import sys
import warnings
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Final

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
    "skip_exit_code": "skip_on_exit_code",
    "sla": _DEADLINE,
    "task_concurrency": "max_active_tis_per_dag",
    "use_dill": 'serializer="dill"',
    "use_task_execution_date": "use_task_logical_date",
    "xcom_push": "do_xcom_push",
}
#: Values that operators of packages took before, and what they take now, by the class's path and argument.
PACKAGE_VALUES: Final[dict[str, dict[str, dict[Any, Any]]]] = {
    "airflow.providers.docker.operators.docker.DockerOperator": {
        "auto_remove": {True: "success", False: "never"},
    },
}
#: Trigger rules that have another name by now.
OLDER_RULES: Final = {"dummy": "always", "none_failed_or_skipped": "none_failed_min_one_success"}
#: What to write instead of names of the context.
CONTEXT_NAMES: Final = {
    "execution_date": "logical_date",
    "next_ds": "data_interval_end | ds",
    "next_ds_nodash": "data_interval_end | ds_nodash",
    "next_execution_date": "data_interval_end",
    "prev_ds": "prev_data_interval_start_success | ds",
    "prev_ds_nodash": "prev_data_interval_start_success | ds_nodash",
    "prev_execution_date": "ti.get_previous_dagrun().logical_date, or prev_data_interval_start_success",
    "prev_execution_date_success": "prev_data_interval_start_success",
    "tomorrow_ds": "macros.ds_add(ds, 1)",
    "tomorrow_ds_nodash": "macros.ds_format(macros.ds_add(ds, 1), '%Y-%m-%d', '%Y%m%d')",
    "triggering_dataset_events": "triggering_asset_events",
    "yesterday_ds": "macros.ds_add(ds, -1)",
    "yesterday_ds_nodash": "macros.ds_format(macros.ds_add(ds, -1), '%Y-%m-%d', '%Y%m%d')",
}
# Not pathlib, which takes a tenth of what `import bide` may cost.
_PACKAGE: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120


def warn_of_arguments(of: str, given: Iterable[str], known: dict[str, str]) -> None:
    """One warning for each of the names `given` that is an older one, at the line outside of Bide that gives it."""
    for name in given:
        if name in known:
            warn_of_older(f"{of}: the argument {name!r} is an older one: write {known[name]}")


#: Between code that names something of the context or an enumeration, in a template say, and Bide.
_BETWEEN: Final = (
    _PACKAGE,
    os.path.dirname(collections.__file__) + os.sep,  # noqa: PTH120
    enum.__file__,
    "<frozen _collections_abc>",
)


def replace_values(of: str, given: dict[str, Any], known: Mapping[str, Mapping[Any, Any]]) -> None:
    """Put what an argument takes now in the place of what it took before, with a warning."""
    for name, values in known.items():
        value = given.get(name)
        if isinstance(value, Hashable) and value in values:
            given[name] = values[value]
            warn_of_older(f"{of}: {name}={value!r} is an older value: write {values[value]!r}")


def warn_of_older(said: str) -> None:
    """A warning at the innermost line outside of Bide; in a template at its own."""
    level, frame = 2, sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and _is_between(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    warnings.warn(said, RemovalWarning, stacklevel=level)


def rule_named(rule: str) -> str:
    """The name that a trigger rule has now; one that has another by now is told of."""
    name = str(getattr(rule, "value", rule))
    if name not in OLDER_RULES:
        return name
    warn_of_older(f"the trigger rule {name!r} is an older name: write {OLDER_RULES[name]!r}")
    return OLDER_RULES[name]


def missing_attribute(owner: object, name: str, refused: Mapping[str, str]) -> AttributeError:
    """For an attribute that is not there: with what to use instead, if it is one of those `refused`."""
    of = type(owner).__name__
    if name in refused:
        return AttributeError(f"{of} has no {name} here: use {refused[name]}", name=name, obj=owner)
    return AttributeError(f"{of!r} object has no attribute {name!r}", name=name, obj=owner)


def _is_between(filename: str) -> bool:
    return filename.startswith(_BETWEEN) or f"{os.sep}jinja2{os.sep}" in filename
