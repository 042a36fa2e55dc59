"""Waiting for other runs, and for tasks of them, without looking: the engine says when they have ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bide.authoring.trigger import SignalTrigger
from bide.model.watching import Watch

#: The signal that the engine sends; a person who sends it lets the task go on by hand.
SIGNAL = "other_runs"


class WatchTrigger(SignalTrigger):
    """Fires when runs of the DAG `dag_id`, or tasks of them, have ended; see :class:`bide.model.watching.Watch`.

    The event's payload is a dict: ``status`` (success, failed or skipped) and ``seen``, one line that says why.
    With `ends` the waiting task ends with the success. States must be final ones, which only a person changes.
    """

    def __init__(
        self,
        dag_id: str,
        run_ids: Sequence[str] = (),
        logical_dates: Sequence[str] = (),
        task_ids: Sequence[str] = (),
        group_id: str | None = None,
        allowed: Sequence[str] = ("success",),
        failed: Sequence[str] = (),
        skipped: Sequence[str] = (),
        ends: bool = False,
    ) -> None:
        super().__init__(SIGNAL)
        self.watch = Watch(
            dag_id=dag_id,
            run_ids=tuple(run_ids),
            logical_dates=tuple(logical_dates),
            task_ids=tuple(task_ids),
            group_id=group_id,
            allowed=tuple(allowed),
            failed=tuple(failed),
            skipped=tuple(skipped),
            ends=ends,
        )

    @classmethod
    def of(cls, watch: Watch) -> WatchTrigger:
        """The trigger for `watch`."""
        return cls(**{name: getattr(watch, name) for name in Watch.__struct_fields__})

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and what is watched."""
        path = f"{WatchTrigger.__module__}.{WatchTrigger.__qualname__}"
        return path, {name: getattr(self.watch, name) for name in Watch.__struct_fields__}

    def describe(self) -> str:
        watch = self.watch
        what = ", ".join(watch.task_ids) or (f"group {watch.group_id}" if watch.group_id else "the run")
        return f"{what} of {watch.dag_id}, {', '.join(watch.run_ids + watch.logical_dates)}"
