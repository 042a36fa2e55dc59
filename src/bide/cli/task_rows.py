"""Task instances as rows, and the finding of one that a person names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Final

from bide.cli.arguments import read_day
from bide.cli.exit_codes import BadInput
from bide.cli.output import Row
from bide.control.name_instance import named_instance
from bide.control.why_held import reasons_held
from bide.model.errors import NotFound
from bide.model.graph import topological_order
from bide.model.states import FINISHED, TaskState
from bide.store import Store, Tx, specs
from bide.store.callback_requests import list_failures
from bide.store.views import (
    InstanceView,
    Page,
    RunView,
    get_dag,
    get_run,
    list_dags,
    list_instances,
    list_runs,
    runs_of_dates,
)


def task_summary(row: InstanceView, held: str | None = None, failed_callbacks: Sequence[str] = ()) -> Row:
    """The fields that lists of task instances show.

    `held` says why its next try can't start as things are, `failed_callbacks` which of its callbacks failed.
    """
    return {
        "task_id": row.task_id,
        "map_index": row.map_index,
        "name": row.rendered_map_index,
        "state": row.state,
        "try": row.try_number,
        "tries": row.max_tries + 1,
        "operator": row.operator,
        "start": row.start_date,
        "end": row.end_date,
        "seconds": None if row.duration is None else round(row.duration, 3),
        "error": row.error or None,
        "failed_callbacks": list(failed_callbacks) or None,
        "held": None if TaskState(row.state) in FINISHED else held,
    }


def in_order(tx: Tx, run: RunView) -> list[InstanceView]:
    """The instances of a run, each after those that it waits for."""
    spec = specs.structure_of(tx, run.version_uid).spec
    order = topological_order({task.task_id: task.upstream for task in spec.tasks})
    place = {task_id: index for index, task_id in enumerate(order)}
    rows, _ = list_instances(tx, dag_id=run.dag_id, run_id=run.run_id)
    return sorted(rows, key=lambda row: (place.get(row.task_id, len(place)), row.task_id, row.map_index))


def run_summaries(tx: Tx, run: RunView) -> list[Row]:
    """A row for each instance of a run, each after those that it waits for."""
    rows = in_order(tx, run)
    held = reasons_held(tx, [row.uid for row in rows])
    failed = list_failures(tx, [row.uid for row in rows])
    return [task_summary(row, held.get(row.uid), failed.get(row.uid, ())) for row in rows]


#: DAGs that a message names, where the one that a person named is not among them.
_NAMED: Final = 20


def check_dag(tx: Tx, dag_id: str) -> None:
    """Raise :class:`NotFound` unless the store knows the DAG, which may be gone from the files by now."""
    if get_dag(tx, dag_id) is None:
        rows, total = list_dags(tx, Page(limit=_NAMED))
        more = f" and {total - len(rows)} more" if total > len(rows) else ""
        names = ", ".join(row.dag_id for row in rows) or "none"
        raise NotFound(f"there is no DAG {dag_id!r} in the store; there are: {names}{more}")


def find_run(tx: Tx, dag_id: str, run_id: str | None) -> RunView:
    """The run of an id, a logical date or a day, by default the newest; :class:`NotFound` if there is none."""
    if run_id is not None:
        run = get_run(tx, dag_id, run_id) or _run_of_date(tx, dag_id, run_id)
        if run is None:
            check_dag(tx, dag_id)
            raise NotFound(f"DAG {dag_id!r} has no run {run_id!r}")
        return run
    newest, _ = list_runs(tx, Page(limit=1), dag_id=dag_id)
    if not newest:
        check_dag(tx, dag_id)
        raise NotFound(f"DAG {dag_id!r} has no runs")
    return newest[0]


def _run_of_date(tx: Tx, dag_id: str, text: str) -> RunView | None:
    """The run whose logical date, or the day of it in UTC, is `text`."""
    try:
        first, last = read_day("", text), read_day("", text, whole=True)
    except BadInput:
        return None
    found = runs_of_dates(tx, dag_id, *(one if one.tzinfo else one.replace(tzinfo=UTC) for one in (first, last)))
    if len(found) > 1:
        raise NotFound(f"DAG {dag_id!r} has {len(found)} runs of {text}: name one by its id (`bide runs list`)")
    return found[0] if found else None


async def run_named(store: Store, dag_id: str, run_id: str) -> str:
    """The id of the run that a person names by it or by its date. Raises :class:`NotFound`."""
    return (await store.read(lambda tx: find_run(tx, dag_id, run_id))).run_id


def find_instance(
    tx: Tx, dag_id: str, run_id: str | None, task_id: str, map_index: int
) -> tuple[RunView, InstanceView]:
    """A task instance and its run; :class:`NotFound` if there is none."""
    run = find_run(tx, dag_id, run_id)
    return run, named_instance(tx, dag_id, run.run_id, task_id, map_index)
