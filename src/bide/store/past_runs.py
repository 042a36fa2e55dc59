"""Runs that another system has made, as it left them: rows that begin where others end.

No transition takes them there: nobody acts on what has ended elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from bide.model.dag_spec import DagSpec
from bide.model.ids import NOT_MAPPED
from bide.model.states import FINISHED, TaskState
from bide.store import xcoms
from bide.store.airflow_history import PastInstance, PastRun
from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.schema import dag, dag_run, expansion, task_event, task_instance
from bide.store.xcoms import XComRow

#: Who did it, in the history.
BY: Final = "airflow"


class Ended(NamedTuple):
    """A run to insert, with the states that it and its instances have here."""

    run: PastRun
    state: str
    reason: str
    shares_date: bool
    instances: Sequence[tuple[PastInstance, TaskState]]


def add_dag(tx: Tx, spec: DagSpec, version_uid: str, *, is_paused: bool) -> None:
    """Note a DAG that no file makes yet; the one that will finds it as it is here."""
    tx.conn.execute(
        sa.insert(dag),
        {
            "dag_id": spec.dag_id,
            "fileloc": spec.file,
            "folder": spec.folder,
            "version_uid": version_uid,
            "is_paused": is_paused,
            "is_active": False,
            "tags": [],
            "max_active_runs": spec.max_active_runs,
            "max_active_tasks": spec.max_active_tasks,
            "last_parsed_at": tx.now,
        },
    )


def insert(tx: Tx, dag_id: str, version_uid: str, ended: Sequence[Ended]) -> None:
    """Insert ended runs of a DAG with their instances and results."""
    rows: dict[sa.Table, list[dict[str, Any]]] = {dag_run: [], task_instance: [], task_event: [], expansion: []}
    results: list[XComRow] = []
    for one in ended:
        run = _run(tx, dag_id, version_uid, one)
        rows[dag_run].append(run)
        for instance, state in one.instances:
            made = _instance(tx, run, instance, state)
            rows[task_instance].append(made)
            at = instance.end_date or run["end_date"]
            rows[task_event].append(_event(made["uid"], state, at))
        rows[expansion] += _expansions(run["uid"], one)
        results += [
            XComRow(dag_id, one.run.run_id, *xcom[:4], one.run.logical_date, xcom.length) for xcom in one.run.xcoms
        ]
    for table, found in rows.items():
        if found:
            tx.conn.execute(sa.insert(table).inline(), found)
    xcoms.put(tx, results)
    tx.ring("history")


def _run(tx: Tx, dag_id: str, version_uid: str, one: Ended) -> dict[str, Any]:
    past = one.run
    return {
        "uid": new_id(tx.now),
        "dag_id": dag_id,
        "run_id": past.run_id,
        "run_type": past.run_type.value,
        "state": one.state,
        "logical_date": past.logical_date,
        "execution_date": past.logical_date,
        "shares_date": one.shares_date,
        "data_interval_start": past.data_interval_start,
        "data_interval_end": past.data_interval_end,
        "run_after": past.run_after,
        "conf": past.conf,
        "version_uid": version_uid,
        "unfinished": 0,
        "watched": False,
        "queued_at": past.start_date or past.run_after,
        "start_date": past.start_date,
        # One that had not ended there ends now.
        "end_date": past.end_date or tx.now,
        "triggered_by": past.by,
        "reason": one.reason,
    }


def _instance(tx: Tx, run: dict[str, Any], past: PastInstance, state: TaskState) -> dict[str, Any]:
    return {
        "uid": new_id(tx.now),
        "run_uid": run["uid"],
        "dag_id": run["dag_id"],
        "run_id": run["run_id"],
        "task_id": past.task_id,
        "map_index": past.map_index,
        "execution_date": run["logical_date"],
        "state": state.value,
        "epoch": 0,
        "try_number": past.try_number,
        "max_tries": past.max_tries,
        "rescues": 0,
        "operator": past.operator,
        "priority_weight": past.priority_weight,
        "queue": past.queue,
        "pool": past.pool,
        "pool_slots": past.pool_slots,
        "is_resume": False,
        "start_date": past.start_date,
        "end_date": past.end_date,
        "duration": past.duration,
    }


def _event(uid: str, state: TaskState, at: datetime) -> dict[str, Any]:
    return {"instance_uid": uid, "epoch": 0, "state": state.value, "at": at, "by": BY}


def _expansions(run_uid: str, one: Ended) -> list[dict[str, Any]]:
    """Of each mapped task how its instances have ended; over what it was expanded is not known."""
    counts: dict[str, Counter[TaskState]] = {}
    for instance, state in one.instances:
        if instance.map_index != NOT_MAPPED:
            counts.setdefault(instance.task_id, Counter())[state] += 1
    return [
        {
            "run_uid": run_uid,
            "task_id": task_id,
            "lengths": "[]",
            "total": found.total(),
            **{state.value: found[state] for state in FINISHED},
        }
        for task_id, found in counts.items()
    ]
