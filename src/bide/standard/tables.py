"""Names of tables of Airflow's database: there is no access to them here, and each use says so."""

from __future__ import annotations

from typing import Any, NoReturn

from bide.standard.sessions import NoDatabase

_INSTEAD = {
    "DagModel": "bide dags list, or the REST API's /dags",
    "SerializedDagModel": "the REST API's /dags/{dag_id}/tasks",
    "TaskReschedule": "the context's ti, which knows its first start",
    "RenderedTaskInstanceFields": "the operator's own fields, which are rendered when it runs",
    "Log": "bide runs show, or the REST API's /eventLogs",
    "DagTag": "bide dags list --tag, or the REST API's /dags?tags=",
    "Pool": "bide pools, or the REST API's /pools",
    "clear_task_instances": "bide tasks clear, or the REST API's clearTaskInstances",
    "expand_alias_to_assets": "the alias's events, in the context's inlet_events",
    "Session": "connections, variables and the context, or the REST API",
    "SlaMiss": "deadlines of DAGs (DeadlineAlert)",
}


def _refuse(name: str, part: str) -> NoReturn:
    raise NoDatabase(
        f"{name}{part} reads Airflow's database, to which tasks and DAG files have no access here; "
        f"use {_INSTEAD[name]} instead"
    )


class TableType(type):
    """Refuses whatever is asked of a table; it may be imported and named in annotations."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _refuse(cls.__name__, f".{name}")

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        _refuse(cls.__name__, "()")


class DagModel(metaclass=TableType):
    """DAGs."""


class SerializedDagModel(metaclass=TableType):
    """What DAGs look like."""


class TaskReschedule(metaclass=TableType):
    """When sensors are to look again."""


class RenderedTaskInstanceFields(metaclass=TableType):
    """Fields of tasks, as rendered."""


class Log(metaclass=TableType):
    """Who did what."""


class DagTag(metaclass=TableType):
    """Tags of DAGs."""


class Pool(metaclass=TableType):
    """Pools."""


class Session(metaclass=TableType):
    """Sessions of the database itself."""


class SlaMiss(metaclass=TableType):
    """Tasks that took too long."""


def clear_task_instances(*args: Any, **kwargs: Any) -> NoReturn:
    """Refused: a task has no database to do that in."""
    _refuse("clear_task_instances", "()")


def expand_alias_to_assets(*args: Any, **kwargs: Any) -> NoReturn:
    """Refused: which assets an alias has stood for is in the database."""
    _refuse("expand_alias_to_assets", "()")
