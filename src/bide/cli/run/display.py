"""A run as a table that is drawn again and again: a pure function of rows and time."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bide.cli.output import span
from bide.cli.run.picture import RunPicture, TaskPicture, WaitPicture
from bide.model.states import RunState, TaskState

_STYLES: Final[dict[str, str]] = {
    TaskState.NONE: "dim",
    TaskState.SCHEDULED: "dim",
    TaskState.QUEUED: "dim cyan",
    TaskState.RUNNING: "bold blue",
    TaskState.DEFERRED: "magenta",
    TaskState.UP_FOR_RETRY: "yellow",
    TaskState.UP_FOR_RESCHEDULE: "yellow",
    TaskState.SUCCESS: "green",
    TaskState.FAILED: "bold red",
    TaskState.SKIPPED: "dim",
    TaskState.UPSTREAM_FAILED: "red",
    TaskState.REMOVED: "dim",
}

#: Which tasks are shown where not all find room: what is going on, then what went wrong, then the rest.
_INTEREST: Final = (
    TaskState.RUNNING,
    TaskState.DEFERRED,
    TaskState.UP_FOR_RETRY,
    TaskState.UP_FOR_RESCHEDULE,
    TaskState.FAILED,
    TaskState.QUEUED,
    TaskState.SCHEDULED,
    TaskState.UPSTREAM_FAILED,
    TaskState.NONE,
    TaskState.SUCCESS,
    TaskState.SKIPPED,
    TaskState.REMOVED,
)


def draw_run(run: RunPicture, now: datetime, *, rows: int) -> RenderableType:
    """The run at `now`, with at most `rows` tasks. Times are shown in the time zone of `now`."""
    shown = choose_tasks(run.tasks, rows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("task", "state", "try", "time"):
        table.add_column(column, no_wrap=True)
    table.add_column("waits for", overflow="fold", ratio=1)
    for task in shown:
        table.add_row(
            escape(task.label),
            Text(task.state.value, style=_STYLES[task.state]),
            _tries(task),
            span(task.seconds(now)),
            escape(what_it_waits_for(task, now)),
        )
    parts: list[RenderableType] = [_heading(run, now), table]
    if hidden := len(run.tasks) - len(shown):
        parts.append(Text(f"... and {hidden} more tasks", style="dim"))
    parts.append(Text(count_line(run), style="dim"))
    return Group(*parts)


def choose_tasks(tasks: tuple[TaskPicture, ...], rows: int) -> tuple[TaskPicture, ...]:
    """The `rows` most interesting tasks, in their own order."""
    if len(tasks) <= rows:
        return tasks
    order = sorted(range(len(tasks)), key=lambda index: _INTEREST.index(tasks[index].state))
    chosen = set(order[: max(rows, 1)])
    return tuple(task for index, task in enumerate(tasks) if index in chosen)


def what_it_waits_for(task: TaskPicture, now: datetime) -> str:
    """One line: for what, since when, until when; or why it failed."""
    if task.wait is not None and task.state is TaskState.DEFERRED:
        return describe_wait(task.wait, now)
    if task.state in (TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE) and task.due_at is not None:
        what = "its retry" if task.state is TaskState.UP_FOR_RETRY else "its next look"
        left = max(0.0, (task.due_at - now).total_seconds())
        reason = f": {task.error}" if task.error else ""
        return f"{what} in {span(left)}{reason}"
    if task.state is TaskState.FAILED:
        return task.error
    return ""


def describe_wait(wait: WaitPicture, now: datetime) -> str:
    """``file /data/x.csv, since 03:31:12 (1m 04s), next look in 5.0s``"""
    waited = span(max(0.0, (now - wait.since).total_seconds()))
    parts = [wait.subject or wait.kind, f"since {clock_time(wait.since, now)} ({waited})"]
    if wait.due_at is not None:
        parts.append(f"due in {span(max(0.0, (wait.due_at - now).total_seconds()))}")
    if wait.next_look is not None:
        parts.append(f"next look in {span(max(0.0, (wait.next_look - now).total_seconds()))}")
    if wait.until is not None:
        parts.append(f"gives up {clock_time(wait.until, now)}")
    return ", ".join(parts)


def clock_time(moment: datetime, now: datetime) -> str:
    """`moment` in the time zone of `now`, with its date where that is another day's."""
    there = moment.astimezone(now.tzinfo)
    return f"{there:%H:%M:%S}" if there.date() == now.date() else f"{there:%Y-%m-%d %H:%M}"


def count_line(run: RunPicture) -> str:
    """``3 of 5 tasks done: 1 running, 1 deferred, 3 success``"""
    counts = ", ".join(f"{number} {state.value}" for state, number in run.counts().items())
    return f"{run.finished()} of {len(run.tasks)} tasks done" + (f": {counts}" if counts else "")


def _heading(run: RunPicture, now: datetime) -> Text:
    style = {RunState.SUCCESS: "bold green", RunState.FAILED: "bold red"}.get(run.state, "bold blue")
    taken = "" if run.start is None else f"  {span(((run.end or now) - run.start).total_seconds())}"
    return Text.assemble((run.dag_id, "bold"), f"  {run.run_id}  ", (run.state.value, style), taken)


def _tries(task: TaskPicture) -> str:
    if task.try_number == 0:
        return ""
    return f"{task.try_number}/{task.tries_allowed}" if task.tries_allowed > 1 else str(task.try_number)
