"""A task asks for a run of another DAG."""

from __future__ import annotations

import json
from datetime import datetime

from bide.control.clear_tasks import clear_tasks
from bide.control.create_run import create_run
from bide.model.errors import Conflict, InvalidArgument, NotFound
from bide.model.ids import NOT_MAPPED
from bide.model.selection import RunChoice, TaskChoice
from bide.store import Store, Tx, dags, runs
from bide.store.instances import InstanceRow
from bide.wire.other_runs import RunStarted, StartRun


async def start_other_run(store: Store, owner: InstanceRow, asked: StartRun) -> RunStarted:
    """Make the run, or say that there is one already; with ``reset`` that one is cleared.

    A try of the task that asks again, since its worker was lost, finds the run that it has made. Raises
    :class:`NotFound`, :class:`InvalidArgument`, and :class:`Conflict` for a DAG that must not be paused and is.
    """
    logical_date = None if asked.logical_date is None else datetime.fromisoformat(asked.logical_date)
    run_after = None if asked.run_after is None else datetime.fromisoformat(asked.run_after)
    by = name_of(owner)
    run_id = (
        asked.run_id
        or f"manual__{(logical_date or run_after or owner.start_date or store.clock.now()).isoformat()}"
    )

    def look(tx: Tx) -> tuple[RunStarted | None, bool]:
        found = dags.find(tx, asked.dag_id)
        if found is None or not found.is_active:
            raise NotFound(f"there is no DAG {asked.dag_id!r} to trigger")
        if asked.refuse_paused and found.is_paused:
            raise Conflict(f"DAG {asked.dag_id!r} is paused, and this task must not trigger it then")
        dates = [] if logical_date is None else [logical_date]
        for run, who in runs.named(tx, asked.dag_id, [run_id], dates):
            began = owner.start_date
            is_own = run.run_id == run_id and who == by and began is not None and run.run_after >= began
            return RunStarted(run.run_id, "made" if is_own else "exists", found.is_paused), found.is_paused
        return None, found.is_paused

    there, is_paused = await store.read(look)
    if there is None:
        try:
            made = await create_run(
                store,
                asked.dag_id,
                conf=_read_conf(asked.conf),
                logical_date=logical_date,
                run_after=run_after,
                run_id=run_id,
                note=asked.note,
                by=by,
            )
        except Conflict:  # somebody was quicker
            there = RunStarted(run_id, "exists", is_paused)
        else:
            return RunStarted(made.run_id, "made", is_paused)
    if there.outcome == "exists" and asked.reset:
        which = RunChoice(run_ids=frozenset({there.run_id}))
        await clear_tasks(store, asked.dag_id, which_runs=which, which_tasks=TaskChoice(), by=by)
        return RunStarted(there.run_id, "reset", is_paused)
    return there


def name_of(owner: InstanceRow) -> str:
    """Who asks, for people; no other instance has the same name."""
    index = "" if owner.map_index == NOT_MAPPED else f"[{owner.map_index}]"
    return f"task {owner.dag_id}.{owner.task_id}{index} of run {owner.run_id}"


def _read_conf(conf: bytes) -> dict[str, object]:
    found: object = json.loads(conf)
    if not isinstance(found, dict):
        raise InvalidArgument(f"conf must be a JSON object, not {type(found).__name__}")
    return found  # pyright: ignore[reportUnknownVariableType]
