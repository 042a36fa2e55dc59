"""Runs tasks in warm worker processes, forked from the template."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal

import msgspec
import structlog

from bide.control.claims import Claim
from bide.engine.executors.contract import TaskControl
from bide.engine.executors.local.grower import Grower
from bide.engine.executors.local.openings import OpenWorkers
from bide.engine.executors.local.pending import Pending, PendingClaims
from bide.engine.executors.local.pool import WorkerPool
from bide.engine.executors.local.processors import usable_cores
from bide.engine.executors.local.refill import Refill
from bide.engine.executors.local.settling import Settler
from bide.engine.executors.local.waking import Waker
from bide.engine.executors.local.worker import Worker
from bide.engine.template import RunnerExit, Template, TemplateUnavailable
from bide.model.clock import Clock
from bide.model.errors import StoreUnavailable
from bide.wire.frames import ChannelClosed
from bide.wire.messages import RunTask

log = structlog.get_logger("bide.executor")

#: Seconds before claims are started again that the store, or the template process, could not take.
_PAUSE: Final = 0.5
#: Fresh workers in a row that may find the code changed before they begin a task.
_STALE_LIMIT: Final = 5


class LocalExecutor:
    """The contract's implementation on this machine; see :mod:`bide.engine.executors.contract`.

    A worker serves one DAG file. A claim goes to a free worker of its file, else to a new one (see ``growth.py``);
    workers without work go after `idle_after` seconds, or earlier if their place is needed. `on_slots` is called
    when a slot has become free. `grace`: seconds between SIGTERM and SIGKILL of a cancelled task. `session`, unique
    to this start of the engine, names workers.
    """

    def __init__(
        self,
        template: Template,
        control: TaskControl,
        *,
        parallelism: int,
        session: str,
        clock: Clock,
        on_slots: Callable[[], None],
        isolation: Literal["worker", "process"] = "worker",
        grace: float = 10.0,
        idle_after: float = 60.0,
        cores: int | None = None,
    ) -> None:
        self._control = control
        self._parallelism = parallelism
        self._clock = clock
        self._refill = Refill(on_slots, slots=parallelism)
        self._isolated = isolation == "process"
        self._grace = grace
        self._pool = WorkerPool(
            template, control, self, clock, size=parallelism, prefix=f"task-{session}-", idle_after=idle_after
        )
        self._grower = Grower(self._pool, parallelism=parallelism, cores=usable_cores() if cores is None else cores)
        self._settler = Settler(control)
        self._pending = PendingClaims()
        self._waker = Waker(self._pump)
        #: Workers that transactions may promise to tasks which they begin themselves.
        self.open_workers = OpenWorkers(self._waker.soon_from_any_thread)
        #: Claims that are on their way into the store's ``running``, by instance id.
        self._starting: dict[str, Claim] = {}
        #: Tasks that are ``running`` in the store, by instance id.
        self._started: dict[str, RunTask] = {}
        #: Of these, those that need another worker.
        self._homeless: deque[RunTask] = deque()
        #: How often a task found its code changed.
        self._stale: dict[str, int] = {}
        #: Of those starting and started, those that have moved on in the store.
        self._cancelled: set[str] = set()
        self._blocked_until = float("-inf")
        self._stopping = False
        self._all_ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- the contract ---

    async def start(self) -> None:
        """Nothing has to be made ready: workers come with the first claims."""

    def free_slots(self) -> int:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        if self._stopping:
            return 0
        return max(0, self._parallelism - len(self._pending) - len(self._starting) - len(self._started))

    def submit(self, claims: Sequence[Claim]) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        if self._stopping:
            self._spawn(self._settler.give_back(claims))
            return
        self._pending.add(claims, self._clock.monotonic(), self._busy())
        self._waker.soon()

    def begin(self, orders: Sequence[RunTask]) -> None:
        """Run what a transaction has begun, on the workers that were promised to it."""
        self.open_workers.keep(orders)
        for order in orders:
            self._rehome(self._take_on(order))
        self._pump()

    def _take_on(self, order: RunTask) -> RunTask:
        task = msgspec.structs.replace(order, isolated=True) if self._isolated else order
        self._started[task.instance.id] = task
        return task

    def _busy(self) -> set[str]:
        """Instances whose last process is not done with them."""
        return {*self.running(), *self._starting, *self._cancelled}

    def running(self) -> Mapping[str, int]:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        finishing = {worker.task.instance.id for worker in self._pool if worker.reported and worker.task}
        return {uid: task.epoch for uid, task in self._started.items() if uid not in finishing}

    def cancel(self, instance_id: str, epoch: int | None = None) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        task = self._started.get(instance_id)
        if task is not None:
            if epoch in (None, task.epoch):
                self._cancelled.add(instance_id)
                self._stop_task(task)
        elif epoch is not None:
            return
        elif self._pending.discard(instance_id):
            self._refill.slot_is_free(left=len(self._pending))
        elif instance_id in self._starting:
            self._cancelled.add(instance_id)

    def _stop_task(self, task: RunTask) -> None:
        worker = self._pool.holder(task)
        if worker is None:
            if task in self._homeless:
                self._homeless.remove(task)
                self._forget(task)
        elif worker.next is task:
            worker.next = None
            self._forget(task)
        elif not worker.reported:
            self._spawn(worker.end(self._grace))

    async def stop(self, grace: float) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        self._stopping = True
        self._settler.hurry()
        self.open_workers.withdraw()
        for part in (self._waker, self._refill, self._pool, self._grower):
            part.close()
        await self._settler.give_back(self._pending.take_all())
        while self._homeless:
            self._give_up(self._homeless.popleft())
        self._check_all_ended()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._all_ended.wait()
        await self._pool.kill()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def pids(self) -> list[int]:
        """The process ids of the workers."""
        return [worker.pid for worker in self._pool]

    # --- what the pool and its workers tell ---

    def on_ready(self) -> None:
        """See :class:`~bide.engine.executors.local.pool.PoolOwner`."""
        self._pool.tidy_later()
        self._waker.soon()

    def on_unavailable(self, error: TemplateUnavailable) -> None:
        """See :class:`~bide.engine.executors.local.pool.PoolOwner`."""
        log.error("worker_unavailable", error=str(error))
        while self._homeless:
            self._give_up(self._homeless.popleft())
        self._block()

    def on_finishing(self, worker: Worker) -> None:
        """See :class:`~bide.engine.executors.local.worker.WorkerOwner`."""
        self._waker.soon()

    def on_free(self, worker: Worker, ended: RunTask) -> None:
        """See :class:`~bide.engine.executors.local.worker.WorkerOwner`."""
        worker.idle_since = self._clock.monotonic()
        self._grower.worker_freed(ended.dag_file, worker.idle_since)
        following, worker.next = worker.next, None
        if following is not None:
            self._send(worker, following)
        elif worker.ending or (self._stopping and worker.reserved is None):
            worker.retire()
        else:
            self._pool.tidy_later()
        self._forget(ended)
        self._waker.soon()

    def on_kept(self, worker: Worker) -> None:
        """See :class:`~bide.engine.executors.local.worker.WorkerOwner`."""
        self._rehome_next(worker)
        if worker.task is not None and worker.task.instance.id in self._cancelled:
            self._stop_task(worker.task)

    def on_fenced(self, worker: Worker, task: RunTask) -> None:
        """See :class:`~bide.engine.executors.local.worker.WorkerOwner`."""
        self.cancel(task.instance.id, task.epoch)

    def on_stale(self, worker: Worker, task: RunTask) -> None:
        """See :class:`~bide.engine.executors.local.worker.WorkerOwner`."""
        self._pool.retire_idle(task.dag_file)
        if task.instance.id in self._cancelled:
            self._forget(task)
            return
        tries = self._stale[task.instance.id] = self._stale.get(task.instance.id, 0) + 1
        if tries < _STALE_LIMIT:
            self._rehome(task)
        else:
            self._lose(task, f"its code changed {tries} times in a row while a worker was about to begin it")

    def on_gone(self, worker: Worker, how: RunnerExit) -> None:
        """See :class:`~bide.engine.executors.local.worker.WorkerOwner`."""
        self._rehome_next(worker)
        task = worker.task
        if task is None:
            self._waker.soon()
        elif worker.calling:
            self._spawn(self._settle(task, self._settler.give_back_callbacks(task)))
        elif task.instance.id in self._cancelled:
            self._forget(task)
        elif self._stopping or how.with_template:
            # The task may be what kills templates, so this must have an end.
            self._give_up(task, counted=not self._stopping)
        else:
            self._lose(task, f"while it ran this task, the worker process {how}")

    # --- matching claims with workers ---

    def _pump(self) -> None:
        """Start what can be started."""
        if self._stopping:
            self._check_all_ended()
            return
        now = self._clock.monotonic()
        if now < self._blocked_until:
            self._waker.later(self._blocked_until - now)
            return
        available = self._pool.available(without=self.open_workers.withdraw())
        homeless, self._homeless = self._homeless, deque[RunTask]()
        for task in homeless:
            workers = available.get(task.dag_file) or available.get(None)
            if workers:
                self._send(workers.pop(0), task)
            else:
                self._homeless.append(task)
        self._match(available)
        again_at = self._grower.grow(self._pending, self._homeless, now)
        if again_at is not None:
            self._waker.later(again_at - now)
        left = {file: sum(worker.available for worker in workers) for file, workers in available.items()}
        self.open_workers.offer(left, self._busy() if any(left.values()) else ())

    def _match(self, available: dict[str | None, list[Worker]]) -> None:
        """Give the oldest claims of each file to its free workers, then to new ones; start them in one go."""
        batch: list[tuple[Worker, Pending]] = []
        for file in self._pending.files():
            for worker in available.get(file, ()):
                self._reserve(worker, file, batch)
        for worker in available.get(None, ()):
            for file in self._pending.files()[:1]:
                self._reserve(worker, file, batch)
        if batch:
            self._spawn(self._start(batch))

    def _reserve(self, worker: Worker, file: str, batch: list[tuple[Worker, Pending]]) -> None:
        if self._pending.has(file):
            item = self._pending.take(file)
            worker.reserved = item.claim
            self._starting[item.claim.instance.id] = item.claim
            batch.append((worker, item))

    async def _start(self, batch: list[tuple[Worker, Pending]]) -> None:
        claims = [item.claim for _, item in batch]
        try:
            tasks = await self._control.start_tasks(claims)
        except Exception as error:
            self._postpone(batch, error)
            return
        started = {task.instance.id: task for task in tasks}
        for worker, item in batch:
            uid = item.claim.instance.id
            worker.reserved = None
            del self._starting[uid]
            task = started.get(uid)
            if task is not None and uid not in self._cancelled:
                self._send(worker, self._take_on(task))
            else:
                # It moved on before it was started, or meanwhile.
                self._cancelled.discard(uid)
                self._pending.admit(uid, self._clock.monotonic())
                self._refill.slot_is_free(left=len(self._pending))
        self._check_all_ended()
        self._waker.soon()

    def _postpone(self, batch: list[tuple[Worker, Pending]], error: Exception) -> None:
        """The store could not take a start: the claims wait again."""
        if isinstance(error, StoreUnavailable):
            log.warning("start_postponed", claims=len(batch), error=str(error))
        else:
            log.error("start_failed", claims=len(batch), exc_info=error)
        for worker, item in batch:
            worker.reserved = None
            del self._starting[item.claim.instance.id]
        kept = [item for _, item in batch if item.claim.instance.id not in self._cancelled]
        self._cancelled.difference_update(item.claim.instance.id for _, item in batch)
        if self._stopping:
            self._spawn(self._settler.give_back([item.claim for item in kept]))
            self._check_all_ended()
            return
        self._pending.put_back(kept)
        for _, item in batch:
            self._pending.admit(item.claim.instance.id, self._clock.monotonic())
        self._block()

    def _send(self, worker: Worker, task: RunTask) -> None:
        """Hand a started task to `worker`, or to another one if that is gone."""
        if worker.ending:
            self._rehome(task)
            return
        try:
            worker.run(task)
        except ChannelClosed:
            worker.ending = True
            self._rehome(task)

    def _rehome_next(self, worker: Worker) -> None:
        following, worker.next = worker.next, None
        if following is not None:
            self._rehome(following)

    def _rehome(self, task: RunTask) -> None:
        """Let another worker run a started task."""
        if self._stopping:
            self._give_up(task)
        else:
            self._homeless.append(task)
            self._waker.soon()

    def _block(self) -> None:
        """Start nothing for a moment."""
        self._blocked_until = self._clock.monotonic() + _PAUSE
        self._waker.soon()

    # --- ends ---

    def _lose(self, task: RunTask, error: str) -> None:
        log.error("task_lost", instance=task.instance.id, task=task.instance.task_id, error=error)
        self._spawn(self._settle(task, self._settler.lose(task, error)))

    def _give_up(self, task: RunTask, *, counted: bool = False) -> None:
        self._spawn(self._settle(task, self._settler.give_up(task, counted=counted)))

    async def _settle(self, task: RunTask, command: Coroutine[Any, Any, None]) -> None:
        """Keep the slot until the store knows of the end."""
        await command
        self._forget(task)

    def _forget(self, task: RunTask) -> None:
        """The task's slot is free."""
        if self._started.get(uid := task.instance.id) is not task:
            return
        del self._started[uid]
        self._stale.pop(uid, None)
        self._cancelled.discard(uid)
        if self._pending.admit(uid, self._clock.monotonic()):
            self._waker.soon()  # its next try was quicker than the end of this one
        self._refill.slot_is_free(left=len(self._pending))
        self._check_all_ended()

    def _check_all_ended(self) -> None:
        if self._stopping and not self._started and not self._starting and not self.open_workers.is_promised:
            self._all_ended.set()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
