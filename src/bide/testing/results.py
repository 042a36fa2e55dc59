"""What a run in a test came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bide.authoring.hints import did_you_mean
from bide.authoring.trigger import BaseTrigger
from bide.control.find_log import find_log
from bide.model.errors import BideError
from bide.model.log_path import LogLayout
from bide.model.values import decode
from bide.runner.failures import from_user_code
from bide.store import Tx
from bide.store.views import EventView, InstanceView, RunView, history, list_instances, list_xcoms

_RETURN_VALUE = "return_value"


class RunFailed(AssertionError):
    """A run did not succeed. The cause is the exception of the task that failed first, if there was one."""


class RunStuck(BideError):
    """A run waits for something that can't happen any more."""


@dataclass(kw_only=True)
class Wait:
    """One deferral of a task."""

    task_id: str
    #: As the task made it.
    trigger: BaseTrigger
    #: timer, poll, stream, ...
    kind: str
    #: What was waited for: the trigger's ``describe()``.
    subject: str
    try_number: int = 1
    #: Whether ``events=`` ended it, so that the trigger did not run.
    is_given: bool = False
    #: How long it took in the run's own time; None if it was not over when the run ended.
    duration: timedelta | None = None

    def __str__(self) -> str:
        took = "not over" if self.duration is None else f"after {self.duration}"
        given = ", its event was given" if self.is_given else ""
        return f"{self.task_id}: {self.subject} ({type(self.trigger).__name__}, {self.kind}, {took}{given})"


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """What one task came to."""

    task_id: str
    state: str
    #: Every state that it entered, in order.
    states: list[str]
    tries: int
    #: Values by key.
    xcom: dict[str, Any]
    #: The lines of all tries.
    log: str
    #: One line; empty if the last try did not fail.
    error: str
    #: Of each segment and trigger that raised, with their tracebacks.
    exceptions: list[BaseException]
    start_date: datetime | None
    end_date: datetime | None
    map_index: int = -1
    #: What its ``map_index_template`` came to.
    map_name: str | None = None

    def __repr__(self) -> str:
        return f"<TaskResult {self}>"

    def __str__(self) -> str:
        index = "" if self.map_index < 0 else f"[{self.map_index}]"
        return f"{self.task_id}{index}: {self.state}" + (f": {self.error}" if self.error else "")

    @property
    def result(self) -> Any:
        """What it returned; None if nothing."""
        return self.xcom.get(_RETURN_VALUE)

    @property
    def exception(self) -> BaseException | None:
        """The last of :attr:`exceptions`."""
        return self.exceptions[-1] if self.exceptions else None


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a run came to. ``result["task"]`` is one of its tasks."""

    dag_id: str
    run_id: str
    state: str
    logical_date: datetime | None
    start_date: datetime | None
    end_date: datetime | None
    #: By task id, in the order of their making; a mapped one as ``task[0]``.
    tasks: dict[str, TaskResult]
    #: In the order in which they began.
    waits: list[Wait]
    #: Why it ended, where that is not plain from its tasks.
    reason: str = ""

    def __repr__(self) -> str:
        tasks = ", ".join(f"{name} {task.state}" for name, task in self.tasks.items())
        return f"<RunResult of {self.dag_id}, run {self.run_id}: {self.state} ({tasks})>"

    def __getitem__(self, task_id: str) -> TaskResult:
        found = self.tasks.get(task_id)
        if found is None:
            hint = did_you_mean(task_id, self.tasks)
            raise KeyError(f"the run of DAG {self.dag_id!r} has no task {task_id!r}{hint}")
        return found

    @property
    def states(self) -> dict[str, str]:
        """The state of each task by id."""
        return {task_id: task.state for task_id, task in self.tasks.items()}

    @property
    def duration(self) -> timedelta | None:
        """How long the run took in its own time, skipped time included."""
        return None if self.start_date is None or self.end_date is None else self.end_date - self.start_date

    def waits_of(self, task_id: str) -> list[Wait]:
        """The waits of one task."""
        return [wait for wait in self.waits if wait.task_id == task_id]

    def assert_waited(self, task_id: str, what: type[BaseTrigger] | str = "") -> Wait:
        """Fail unless the task has waited for such a trigger, or for something with `what` in its subject.

        The answer is the first such wait.
        """
        for wait in self.waits_of(task_id):
            if isinstance(wait.trigger, what) if isinstance(what, type) else what in wait.subject:
                return wait
        wanted = what.__name__ if isinstance(what, type) else repr(what) if what else "anything"
        known = "\n".join(f"  {wait}" for wait in self.waits) or "  nothing"
        raise AssertionError(f"task {task_id!r} has not waited for {wanted}; this was waited for:\n{known}")

    def raise_for_failure(self) -> None:
        """Raise :class:`RunFailed` unless the run has succeeded."""
        __tracebackhide__ = True
        if self.state == "success":
            return
        bad = [task for task in self.tasks.values() if task.state in ("failed", "upstream_failed", "removed")]
        lines = [f"  {task}" for task in bad]
        cause = next((task.exception for task in bad if task.exception is not None), None)
        if cause is not None:
            cause.__traceback__ = from_user_code(cause)
        reason = f": {self.reason}" if self.reason else ""
        raise RunFailed("\n".join([f"DAG {self.dag_id!r} ended as {self.state}{reason}", *lines])) from cause


@dataclass
class Witness:
    """Sees what the store does not keep."""

    #: By instance, in order.
    waits: list[tuple[str, Wait]] = field(default_factory=list[tuple[str, Wait]])
    errors: dict[str, list[BaseException]] = field(default_factory=dict[str, list[BaseException]])

    def note_wait(self, instance_id: str, wait: Wait) -> None:
        """A task has deferred."""
        self.waits.append((instance_id, wait))

    def note_error(self, instance_id: str, error: BaseException) -> None:
        """A task, or its trigger, has raised."""
        self.errors.setdefault(instance_id, []).append(error)


def collect(tx: Tx, run: RunView, witness: Witness, logs: LogLayout) -> RunResult:
    """The result of a run that is over."""
    rows, _ = list_instances(tx, dag_id=run.dag_id, run_id=run.run_id)
    first: dict[str, int] = {}
    for place, row in enumerate(rows):
        first.setdefault(row.task_id, place)
    # Instances of mapped tasks may have been made after those of other tasks.
    rows.sort(key=lambda row: (first[row.task_id], row.map_index))
    events = history(tx, [row.uid for row in rows])
    values: dict[tuple[str, int], dict[str, Any]] = {}
    for xcom in list_xcoms(tx, run.dag_id, run.run_id):
        values.setdefault((xcom.task_id, xcom.map_index), {})[xcom.key] = decode(xcom.value)
    _measure(witness, events)
    tasks = {
        _name(row): TaskResult(
            task_id=row.task_id,
            map_index=row.map_index,
            map_name=row.rendered_map_index,
            state=row.state,
            states=[event.state for event in events.get(row.uid, ())],
            tries=row.try_number,
            xcom=values.get((row.task_id, row.map_index), {}),
            log=_read_log(lambda number, row=row: find_log(logs, run, row, number), row.try_number),
            error=row.error,
            exceptions=witness.errors.get(row.uid, []),
            start_date=row.start_date,
            end_date=row.end_date,
        )
        for row in rows
    }
    return RunResult(
        dag_id=run.dag_id,
        run_id=run.run_id,
        state=run.state,
        reason=run.reason,
        logical_date=run.logical_date,
        start_date=run.start_date,
        end_date=run.end_date,
        tasks=tasks,
        waits=[wait for _, wait in witness.waits],
    )


def _name(row: InstanceView) -> str:
    return row.task_id if row.map_index < 0 else f"{row.task_id}[{row.map_index}]"


def _measure(witness: Witness, events: Mapping[str, list[EventView]]) -> None:
    """Tell each wait how long it took: the n-th time that its instance was deferred."""
    spans: dict[str, list[timedelta | None]] = {}
    for uid, entered in events.items():
        following: list[EventView | None] = [*entered[1:], None]
        spans[uid] = [
            None if after is None else after.at - event.at
            for event, after in zip(entered, following, strict=True)
            if event.state == "deferred"
        ]
    for uid, wait in witness.waits:
        mine = spans.get(uid)
        wait.duration = mine.pop(0) if mine else None


def _read_log(path_of: Callable[[int], Path], tries: int) -> str:
    paths = [path_of(number) for number in range(1, tries + 1)]
    return "".join(path.read_text(errors="replace") for path in paths if path.exists())
