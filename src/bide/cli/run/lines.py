"""A run as plain lines, one for each change: for files, pipes and CI."""

from __future__ import annotations

from datetime import datetime

from bide.cli.output import span
from bide.cli.run.display import count_line, describe_wait, what_it_waits_for
from bide.cli.run.picture import RunPicture, TaskPicture
from bide.model.states import FINISHED, TaskState


def change_lines(before: RunPicture | None, after: RunPicture, now: datetime) -> list[str]:
    """What to print on going from `before` (None: nothing printed yet) to `after`."""
    stamp = f"{now:%H:%M:%S}"
    known = {task.label: task for task in before.tasks} if before else {}
    lines: list[str] = []
    if before is None:
        lines.append(f"{stamp} {after.dag_id} {after.run_id}: {len(after.tasks)} tasks")
    for task in after.tasks:
        earlier = known.get(task.label)
        if _is_news(earlier, task):
            lines.append(f"{stamp} {task.label} {_what_happened(task, now)}")
    if after.is_over and not (before and before.is_over):
        reason = f" ({after.reason})" if after.reason else ""
        lines.append(f"{stamp} {after.dag_id} {after.run_id}: {after.state.value}{reason}, {count_line(after)}")
    return lines


def _is_news(earlier: TaskPicture | None, task: TaskPicture) -> bool:
    if task.state in (TaskState.NONE, TaskState.SCHEDULED, TaskState.QUEUED):
        return False
    if earlier is None or earlier.state is not task.state or earlier.try_number != task.try_number:
        return True
    return task.wait is not None and (earlier.wait is None or earlier.wait.since != task.wait.since)


def _what_happened(task: TaskPicture, now: datetime) -> str:
    state = task.state.value
    if task.state is TaskState.DEFERRED and task.wait is not None:
        waits = describe_wait(task.wait, now)
        return f"{state}: waits {waits}" if waits.startswith("until ") else f"{state}: waits for {waits}"
    if task.state is TaskState.RUNNING and task.try_number > 1:
        return f"{state}, try {task.try_number} of {task.tries_allowed}"
    if task.state in FINISHED:
        taken = span(task.seconds(now))
        error = f": {task.error}" if task.state is TaskState.FAILED and task.error else ""
        return f"{state}{f' after {taken}' if taken else ''}{error}"
    more = what_it_waits_for(task, now)
    return f"{state}: {more}" if more else state
