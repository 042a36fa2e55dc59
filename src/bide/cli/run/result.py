"""What became of a run: one object for programs, a few lines for people."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from bide.cli.task_rows import in_order
from bide.control.find_log import find_log
from bide.control.shown_secrets import know_secrets, shown_xcom
from bide.model.errors import NotFound
from bide.model.ids import NOT_MAPPED
from bide.model.log_path import LogLayout
from bide.model.states import TaskState
from bide.observe.log_files import tail
from bide.store import Tx, specs
from bide.store.views import get_run, history, list_xcoms

#: Lines of a failed task's log that are shown, and of how many tasks.
_TAIL_LINES: Final = 30
_TAILS: Final = 3
#: Characters of a result's line.
_RESULT_WIDTH: Final = 300
#: Results of one mapped task that are shown.
_RESULTS_OF_ONE: Final = 10
_RETURN_VALUE: Final = "return_value"


class TaskResult(msgspec.Struct, frozen=True):
    """One task instance; moments are ISO 8601."""

    task_id: str
    map_index: int
    state: str
    #: Every state that it entered, in order.
    states: list[str]
    tries: int
    start: datetime | None
    end: datetime | None
    #: Why the last try failed; empty if it has not.
    error: str
    #: Values by key, of JSON's types.
    xcom: dict[str, Any]
    #: Of the last try; null if there was none.
    log_path: str | None


class RunResult(msgspec.Struct, frozen=True):
    """One run."""

    dag_id: str
    run_id: str
    state: str
    logical_date: datetime | None
    tasks: list[TaskResult]


def load_result(tx: Tx, dag_id: str, run_id: str, logs: LogLayout) -> RunResult:
    """The run as it is now. Raises :class:`NotFound`."""
    run = get_run(tx, dag_id, run_id)
    if run is None:
        raise NotFound(f"DAG {dag_id!r} has no run {run_id!r}")
    rows = in_order(tx, run)
    events = history(tx, [row.uid for row in rows])
    values: dict[tuple[str, int], dict[str, Any]] = {}
    know_secrets(tx)
    for xcom in list_xcoms(tx, dag_id, run_id):
        values.setdefault((xcom.task_id, xcom.map_index), {})[xcom.key] = shown_xcom(xcom.value)
    return RunResult(
        dag_id=dag_id,
        run_id=run_id,
        state=run.state,
        logical_date=run.logical_date,
        tasks=[
            TaskResult(
                task_id=row.task_id,
                map_index=row.map_index,
                state=row.state,
                states=[event.state for event in events.get(row.uid, ())],
                tries=row.try_number,
                start=row.start_date,
                end=row.end_date,
                error=row.error,
                xcom=values.get((row.task_id, row.map_index), {}),
                log_path=str(find_log(logs, run, row, row.try_number)) if row.try_number else None,
            )
            for row in rows
        ],
    )


def result_lines(result: RunResult, leaves: frozenset[str]) -> list[str]:
    """What the last tasks of the DAG returned, a line each; of mapped ones only the first."""
    lines: list[str] = []
    told: Counter[str] = Counter()
    for task in result.tasks:
        value = task.xcom.get(_RETURN_VALUE)
        if task.task_id in leaves and value is not None:
            told[task.task_id] += 1
            if told[task.task_id] > _RESULTS_OF_ONE:
                continue
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            shown = text if len(text) <= _RESULT_WIDTH else text[:_RESULT_WIDTH] + "..."
            lines.append(f"{_named(task)} returned {shown}")
    for task_id, number in told.items():
        if number > _RESULTS_OF_ONE:
            lines.append(f"{task_id} returned {number - _RESULTS_OF_ONE} more values: see `bide tasks show`")
    return lines


def _named(task: TaskResult) -> str:
    return task.task_id if task.map_index == NOT_MAPPED else f"{task.task_id}[{task.map_index}]"


def failure_lines(result: RunResult) -> list[str]:
    """The last lines of the logs of tasks that failed."""
    lines: list[str] = []
    failed = [task for task in result.tasks if task.state == TaskState.FAILED and task.log_path is not None]
    for task in failed[:_TAILS]:
        path = Path(task.log_path or "")
        last = tail(path, _TAIL_LINES)
        lines += ["", f"--- {_named(task)}, try {task.tries}: {path}", *(last or ["(no log)"])]
    if len(failed) > _TAILS:
        lines += ["", f"... and {len(failed) - _TAILS} more failed tasks"]
    return lines


def leaves_of(tx: Tx, dag_id: str, run_id: str) -> frozenset[str]:
    """The tasks of the run's DAG that no other waits for."""
    run = get_run(tx, dag_id, run_id)
    return frozenset() if run is None else frozenset(specs.structure_of(tx, run.version_uid).leaves)
