"""Rows of the store as answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from bide.api import models, pool_models, try_models
from bide.control.shown_secrets import shown_xcom
from bide.model.dag_modules import shown
from bide.model.dag_spec import DagSpec, ParamSpec
from bide.model.states import FINISHED, RunState, TaskState
from bide.model.tries import Try
from bide.store.pools import PoolView
from bide.store.views import DagView, ImportErrorView, InstanceView, RunView, WaitView, XComView


def dag(row: DagView, problem: str | None = None) -> models.Dag:
    """One DAG. `problem`: why its timetable fails."""
    return models.Dag(
        dag_id=row.dag_id,
        dag_display_name=row.dag_id,
        is_paused=row.is_paused,
        is_stale=not row.is_active,
        description=row.description or None,
        fileloc=row.fileloc,
        tags=[models.Tag(name=tag, dag_id=row.dag_id) for tag in row.tags],
        owners=[owner.strip() for owner in row.owners.split(",") if owner.strip()],
        timetable_summary=row.timetable_summary or None,
        timetable_error=problem,
        max_active_runs=row.max_active_runs,
        max_active_tasks=row.max_active_tasks,
        next_dagrun_run_after=row.next_run_at,
        last_parsed_time=row.last_parsed_at,
        version_number=row.version_number,
    )


def dag_details(row: DagView, spec: DagSpec) -> models.DagDetails:
    """One DAG with what its file says."""
    return models.DagDetails(
        **dag(row).model_dump(),
        catchup=spec.catchup,
        dag_run_timeout=spec.dagrun_timeout,
        fail_fast=spec.fail_fast,
        max_consecutive_failed_dag_runs=spec.max_consecutive_failed_dag_runs,
        start_date=None if spec.start_date is None else datetime.fromisoformat(spec.start_date),
        end_date=None if spec.end_date is None else datetime.fromisoformat(spec.end_date),
        doc_md=spec.doc,
        params=described_params(spec),
        edge_labels=[
            models.EdgeLabel(source_id=before, target_id=after, label=text)
            for before, after, text in spec.edge_labels
        ],
    )


def described_params(spec: DagSpec) -> dict[str, Any]:
    """What is known of the parameters of a DAG: default value, description and schema by name."""
    known = {name: ParamSpec() for name in spec.params} | spec.param_specs
    return {
        name: {"value": spec.params.get(name), "description": one.description, "schema": one.schema}
        for name, one in known.items()
    }


def dag_run(row: RunView) -> models.DagRun:
    """One run."""
    return models.DagRun(
        dag_run_id=row.run_id,
        dag_id=row.dag_id,
        run_type=row.run_type,
        state=RunState(row.state),
        logical_date=row.logical_date,
        data_interval_start=row.data_interval_start,
        data_interval_end=row.data_interval_end,
        run_after=row.run_after,
        queued_at=row.queued_at,
        start_date=row.start_date,
        end_date=row.end_date,
        duration=_seconds(row.start_date, row.end_date),
        conf=msgspec.json.decode(row.conf, type=dict[str, Any]),
        note=row.note,
        triggered_by=row.triggered_by or None,
        reason=row.reason or None,
    )


def task_instance(
    row: InstanceView,
    wait: WaitView | None = None,
    held: str | None = None,
    note: str | None = None,
    failed_callbacks: Sequence[str] = (),
) -> models.TaskInstance:
    """One task instance with what it waits for, and why its next try can't start."""
    state = TaskState(row.state)
    return models.TaskInstance(
        id=row.uid,
        task_id=row.task_id,
        task_display_name=row.task_id,
        dag_id=row.dag_id,
        dag_run_id=row.run_id,
        map_index=row.map_index,
        rendered_map_index=row.rendered_map_index,
        logical_date=row.execution_date,
        state=None if state is TaskState.NONE else state,
        start_date=row.start_date,
        end_date=row.end_date,
        duration=row.duration,
        try_number=row.try_number,
        max_tries=row.max_tries,
        operator=row.operator or None,
        pool=row.pool,
        pool_slots=row.pool_slots,
        queue=row.queue,
        priority_weight=row.priority_weight,
        scheduled_when=row.scheduled_at,
        queued_when=row.queued_at,
        next_try_at=row.due_at,
        error=row.error or None,
        note=note,
        failed_callbacks=list(failed_callbacks),
        held=None if state in FINISHED else held,
        trigger=None if wait is None else _trigger(wait),
    )


def task_tries(row: InstanceView, tries: Sequence[Try]) -> try_models.TaskInstanceTries:
    """The tries of an instance."""
    place = f"/api/v2/dags/{row.dag_id}/dagRuns/{row.run_id}/taskInstances/{row.task_id}/logs"
    shown = [
        try_models.TaskInstanceTry(
            task_id=row.task_id,
            dag_id=row.dag_id,
            dag_run_id=row.run_id,
            map_index=row.map_index,
            try_number=one.number,
            max_tries=row.max_tries,
            state=one.state,
            start_date=one.start,
            end_date=one.end,
            duration=one.seconds,
            hostname=one.host,
            operator=row.operator or None,
            pool=row.pool,
            queue=row.queue,
            error=one.error,
            log_url=quote(f"{place}/{one.number}") + (f"?map_index={row.map_index}" if row.map_index >= 0 else ""),
        )
        for one in tries
    ]
    return try_models.TaskInstanceTries(task_instances=shown, total_entries=len(shown))


def _trigger(row: WaitView) -> models.Trigger:
    return models.Trigger(
        classpath=shown(row.classpath),
        kind=row.kind,
        subject=row.subject,
        created_date=row.armed_at,
        due_at=row.due_at,
        timeout_at=first_end(row),
    )


def first_end(row: WaitView) -> datetime | None:
    """When the deferral or the whole try times out, whichever is first."""
    ends = [end for end in (row.deadline, row.task_deadline) if end is not None]
    return min(ends, default=None)


def pool(row: PoolView) -> pool_models.Pool:
    """One pool and what its slots are taken by."""
    return pool_models.Pool(
        name=row.pool.name,
        slots=row.pool.slots,
        description=row.pool.description or None,
        include_deferred=row.pool.include_deferred,
        occupied_slots=row.occupied,
        running_slots=row.running,
        queued_slots=row.queued,
        scheduled_slots=row.scheduled,
        deferred_slots=row.deferred,
        open_slots=row.open,
    )


def import_error(row: ImportErrorView) -> models.ImportError_:
    """One import error."""
    return models.ImportError_(
        import_error_id=row.id,
        timestamp=row.timestamp,
        filename=row.filename,
        dag_id=row.dag_id,
        line=row.line,
        message=row.message,
        stack_trace=row.stack_trace,
    )


def xcom(run: RunView, row: XComView) -> models.XComEntry:
    """One XCom without its value."""
    return models.XComEntry(**_xcom(run, row))


def xcom_with_value(run: RunView, row: XComView) -> models.XComEntryWithValue:
    """One XCom."""
    return models.XComEntryWithValue(**_xcom(run, row), value=shown_xcom(row.value))


def _xcom(run: RunView, row: XComView) -> dict[str, Any]:
    return {
        "key": row.key,
        "timestamp": row.timestamp,
        "logical_date": run.logical_date,
        "map_index": row.map_index,
        "task_id": row.task_id,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
    }


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()
