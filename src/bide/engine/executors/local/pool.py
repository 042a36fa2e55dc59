"""The worker processes of the local executor: how they come, who of them is free, how they go."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from typing import Protocol

from bide.engine.executors.contract import TaskControl
from bide.engine.executors.local.settling import LAST_ANSWERS, finish_within
from bide.engine.executors.local.worker import Worker, WorkerOwner
from bide.engine.template import Template, TemplateUnavailable
from bide.model.clock import Clock
from bide.wire.messages import RunTask


class PoolOwner(WorkerOwner, Protocol):
    """Who hears of the pool and its workers."""

    def on_ready(self) -> None:
        """A new worker is there."""
        ...

    def on_unavailable(self, error: TemplateUnavailable) -> None:
        """A worker could not be forked."""
        ...


class WorkerPool:
    """At most `size` worker processes, those without work included. `prefix` begins their labels."""

    def __init__(
        self,
        template: Template,
        control: TaskControl,
        owner: PoolOwner,
        clock: Clock,
        *,
        size: int,
        prefix: str,
        idle_after: float,
    ) -> None:
        self._template = template
        self._control = control
        self._owner = owner
        self._clock = clock
        self._size = size
        self._prefix = prefix
        self._idle_after = idle_after
        self._workers: dict[str, Worker] = {}
        self._numbers = 0
        self._tidying: asyncio.TimerHandle | None = None
        self._closed = False
        #: Forks in flight.
        self.forking = 0
        #: One per worker, until its process is gone.
        self._serving: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Worker]:
        return iter(list(self._workers.values()))

    @property
    def busy(self) -> int:
        """Workers that have something to do."""
        return sum(not worker.idle for worker in self._workers.values())

    def serving(self, file: str) -> int:
        """Workers of `file`."""
        return sum(worker.file == file and not worker.ending for worker in self._workers.values())

    def available(self, without: Mapping[str | None, int]) -> dict[str | None, list[Worker]]:
        """Workers that can be given a task, by file (None: any): free ones first, the latest in front.

        `without` so many of each file, which somebody else was promised.
        """
        found = [worker for worker in self._workers.values() if worker.available]
        found.sort(key=lambda worker: (worker.finishing, -worker.idle_since))
        by_file: dict[str | None, list[Worker]] = {}
        for worker in found:
            by_file.setdefault(worker.dag_file, []).append(worker)
        return {file: workers[: max(0, len(workers) - without.get(file, 0))] for file, workers in by_file.items()}

    def holder(self, task: RunTask) -> Worker | None:
        """The worker that runs `task`, or has it next."""
        return next((one for one in self._workers.values() if task is one.task or task is one.next), None)

    def fork(self) -> None:
        """Begin to fork a worker; one without work goes if there is no room."""
        idle = sorted((one for one in self._workers.values() if one.idle), key=lambda one: one.idle_since)
        surplus = len(self._workers) + self.forking + 1 - self._size
        for worker in idle[: max(0, surplus)]:
            worker.retire()
        self.forking += 1
        self._run(self._fork())

    def retire_idle(self, file: str) -> None:
        """Let the workers of `file` go that have nothing to do."""
        for worker in self._workers.values():
            if worker.idle and worker.dag_file == file:
                worker.retire()

    def tidy_later(self) -> None:
        """Let workers go once they have had nothing to do for long enough."""
        if self._tidying is None and not self._closed:
            idle = [one.idle_since for one in self._workers.values() if one.idle]
            if idle:
                pause = max(0.0, min(idle) + self._idle_after - self._clock.monotonic())
                self._tidying = asyncio.get_running_loop().call_later(pause, self._tidy)

    def _tidy(self) -> None:
        self._tidying = None
        limit = self._clock.monotonic() - self._idle_after
        for worker in self._workers.values():
            if worker.idle and worker.idle_since <= limit:
                worker.retire()
        self.tidy_later()

    def close(self) -> None:
        """No new workers; those that have nothing to do go."""
        self._closed = True
        if self._tidying is not None:
            self._tidying.cancel()
        for worker in self._workers.values():
            if worker.idle:
                worker.retire()

    async def kill(self) -> None:
        """End every process; what they had sent before is still answered. Returns when they are gone.

        A store that can't take answers holds this up for a moment only: the next engine rescues what is left.
        """
        await asyncio.gather(*(worker.kill() for worker in self))
        await finish_within(self._serving, LAST_ANSWERS)

    async def _fork(self) -> None:
        self._numbers += 1
        label = f"{self._prefix}{self._numbers}"
        try:
            runner = await self._template.fork("task", label)
        except TemplateUnavailable as error:
            self.forking -= 1
            self._owner.on_unavailable(error)
            return
        self.forking -= 1
        worker = Worker(label, runner, self._control, self._owner)
        worker.idle_since = self._clock.monotonic()
        self._workers[label] = worker
        if self._closed:
            worker.retire()
        else:
            self._owner.on_ready()
        how = await worker.serve()
        del self._workers[label]
        self._owner.on_gone(worker, how)

    def _run(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
