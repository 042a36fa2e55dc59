"""An operator that waits for what it is given."""

from __future__ import annotations

from typing import Any

from bide import DAG, BaseOperator, BaseTrigger


class Waiter(BaseOperator):
    """Defers `times` times to `trigger`; returns the last event."""

    def __init__(self, trigger: BaseTrigger, *, times: int = 1, ends: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.trigger = trigger
        self.times = times
        self.ends = ends

    def execute(self, context: Any) -> None:
        self.defer(trigger=self.trigger, method_name=None if self.ends else "go_on", kwargs=self._count(1))

    def go_on(self, context: Any, event: Any, count: int) -> Any:
        if count < self.times:
            self.defer(trigger=self.trigger, method_name="go_on", kwargs=self._count(count + 1))
        return event

    def _count(self, count: int) -> dict[str, Any] | None:
        return None if self.ends else {"count": count}


def waiting_dag(trigger: BaseTrigger, **options: Any) -> DAG:
    """A DAG with one task, ``a``, that waits for `trigger`."""
    with DAG("waiting") as dag:
        Waiter(trigger, task_id="a", **options)
    return dag
