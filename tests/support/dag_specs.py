"""Serialised DAGs, written down as briefly as a test reads best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bide.model.dag_spec import DagSpec, ScheduleSpec, TaskSpec
from bide.model.schedule_text import parse_schedule
from bide.wire.messages import FileParsed

FOLDER = "/dags"


def dag_spec(
    dag_id: str = "etl",
    upstream: Mapping[str, Sequence[str]] | None = None,
    *,
    tasks: Mapping[str, Mapping[str, Any]] | None = None,
    each: Mapping[str, Any] | None = None,
    schedule: str | ScheduleSpec | None = None,
    timezone: str = "UTC",
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    file: str | None = None,
    **of_dag: Any,
) -> DagSpec:
    """A DAG of the tasks of `upstream` (``{"b": ["a"]}``: b comes after a), by default of one task ``a``.

    `each` are fields of all its tasks, `tasks` are further fields by task id.
    """
    special = tasks or {}
    return DagSpec(
        dag_id=dag_id,
        file=file or f"{FOLDER}/{dag_id}.py",
        folder=FOLDER,
        tasks=tuple(
            TaskSpec(task_id=task_id, upstream=tuple(before), **{**(each or {}), **special.get(task_id, {})})
            for task_id, before in (upstream or {"a": ()}).items()
        ),
        schedule=schedule if isinstance(schedule, ScheduleSpec) else parse_schedule(schedule, timezone),
        start_date=None if start_date is None else start_date.isoformat(),
        end_date=None if end_date is None else end_date.isoformat(),
        **of_dag,
    )


def parsed(*specs: DagSpec, path: str | None = None, **fields: Any) -> FileParsed:
    """What a parse of the file of `specs` answers."""
    values: dict[str, Any] = {"errors": (), "inputs": {}, "duration": 0.01, **fields}
    return FileParsed(path=path or specs[0].file, dags=specs, **values)
