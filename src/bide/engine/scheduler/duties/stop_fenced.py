"""Stop what runs in a worker though the store has moved on: cancelled, timed out or taken over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bide.engine.executors.contract import Executor
from bide.engine.scheduler.duty import Next
from bide.store import Store, Topic, instances


@dataclass(frozen=True, slots=True)
class StopFenced:
    """Compares what the executor runs with what the store says is running."""

    store: Store
    executor: Executor
    name: ClassVar[str] = "stop_fenced"
    topics: ClassVar[tuple[Topic, ...]] = ("cancels",)

    async def run(self) -> Next:
        """Cancel what is no longer wanted."""
        running = self.executor.running()
        if running:
            current = await self.store.read(lambda tx: instances.held(tx, running.keys()))
            for instance_id, epoch in running.items():
                if current.get(instance_id) != epoch:
                    self.executor.cancel(instance_id, epoch)
        return Next()
