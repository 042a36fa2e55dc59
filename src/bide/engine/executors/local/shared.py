"""Runs async tasks, many to a worker process."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog

from bide.control.claims import Claim
from bide.engine.executors.contract import TaskControl
from bide.engine.executors.local.apart import Apart
from bide.engine.executors.local.settling import LAST_ANSWERS, Settler, finish_within
from bide.engine.executors.local.shared_worker import SharedWorker
from bide.engine.executors.local.unplaced import UnplacedClaims
from bide.engine.executors.local.waking import Waker
from bide.engine.template import RunnerExit, Template, TemplateUnavailable
from bide.model.errors import StoreUnavailable
from bide.wire.frames import ChannelClosed
from bide.wire.messages import RunTask

log = structlog.get_logger("bide.executor")

#: Seconds before claims are started again that the store, or the template process, could not take.
_PAUSE: Final = 0.5
#: Processes in a row that may refuse a task because its code has changed.
_STALE_LIMIT: Final = 5


class SharedWorkers:
    """Up to `most` tasks of one DAG file share a process; a fuller one gets the next.

    `on_free` is called when a slot may have become free, `resubmit` with claims that were put aside until their
    instance's last process was done with them. What has no process yet holds a slot, as does a process with tasks.
    """

    def __init__(
        self,
        template: Template,
        control: TaskControl,
        *,
        most: int,
        prefix: str,
        grace: float,
        idle_after: float,
        on_free: Callable[[], None],
        resubmit: Callable[[Sequence[Claim]], None],
    ) -> None:
        self._template = template
        self._control = control
        self._most = most
        self._prefix = prefix
        self._grace = grace
        self._idle_after = idle_after
        self._on_free = on_free
        self._resubmit = resubmit
        self._settler = Settler(control)
        self._waker = Waker(self._pump)
        self.apart = Apart()
        self._workers: list[SharedWorker] = []
        self._numbers = 0
        self._forking: Counter[str] = Counter()
        self._unplaced = UnplacedClaims()
        self._starting: dict[str, Claim] = {}
        #: Started, and in need of another process.
        self._homeless: deque[RunTask] = deque()
        #: Tasks that are ``running`` in the store, by instance id.
        self._started: dict[str, RunTask] = {}
        self._cancelled: set[str] = set()
        self._stale: Counter[str] = Counter()
        self._blocked_until = 0.0
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        self._all_ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def slots(self) -> int:
        """Slots that are taken."""
        busy = sum(worker.load > 0 for worker in self._workers)
        waiting = sum(self._without_place(file, number) for file, number in self._unplaced.counts().items())
        return busy + self._forking.total() + waiting + self._unplaced.aside

    def knows(self, instance_id: str) -> bool:
        """Whether a process here is not done with it."""
        return instance_id in self._started or instance_id in self._starting

    def running(self) -> Iterator[tuple[str, int]]:
        """Instances, with epochs, that were started and have not said how they end."""
        reported = {uid for one in self._workers for uid, held in one.held.items() if held.reported}
        return ((uid, task.epoch) for uid, task in self._started.items() if uid not in reported)

    def pids(self) -> list[int]:
        """The process ids of the workers."""
        return [worker.pid for worker in self._workers]

    def submit(self, claims: Sequence[Claim]) -> None:
        """Run these, as soon as there are places."""
        if self._stopping:
            self._spawn(self._settler.give_back(claims))
            return
        for claim in claims:
            self._unplaced.discard(claim.instance.id)
            if self.knows(claim.instance.id):
                self._unplaced.put_aside(claim)
            else:
                self._unplaced.add(claim)
        self._waker.soon()

    def cancel(self, instance_id: str, epoch: int | None = None) -> None:
        """End an instance that has moved on; see the contract."""
        task = self._started.get(instance_id)
        if task is not None:
            if epoch in (None, task.epoch):
                self._cancelled.add(instance_id)
                self._stop_task(task)
        elif epoch is None and self._unplaced.discard(instance_id):
            self._on_free()
        elif epoch is None and instance_id in self._starting:
            self._cancelled.add(instance_id)

    async def stop(self, grace: float) -> None:
        """See the contract."""
        self._stopping = True
        self._settler.hurry()
        self._waker.close()
        await self._settler.give_back(self._unplaced.take_all())
        while self._homeless:
            self._give_up(self._homeless.popleft())
        for worker in list(self._workers):
            if not worker.load:
                worker.retire()
        self._check_all_ended()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._all_ended.wait()
        await asyncio.gather(*(worker.kill() for worker in list(self._workers)))
        await finish_within(self._tasks, LAST_ANSWERS)

    # --- what workers tell ---

    def on_ended(self, worker: SharedWorker, task: RunTask) -> None:
        """See :class:`~bide.engine.executors.local.shared_worker.SharedOwner`."""
        self._forget(task)
        self._let_go(worker)
        self._waker.soon()

    def on_kept(self, worker: SharedWorker, task: RunTask) -> None:
        """See :class:`~bide.engine.executors.local.shared_worker.SharedOwner`."""
        if task.instance.id in self._cancelled:
            self._stop_task(task)

    def on_fenced(self, worker: SharedWorker, task: RunTask) -> None:
        """See :class:`~bide.engine.executors.local.shared_worker.SharedOwner`."""
        self.cancel(task.instance.id, task.epoch)

    def on_blocks(self, task: RunTask) -> None:
        """See :class:`~bide.engine.executors.local.shared_worker.SharedOwner`."""
        names = task.instance
        log.warning("task_blocks_loop", dag=names.dag_id, task=names.task_id, run=names.run_id)
        self.apart.tasks.add((names.dag_id, names.task_id, task.dag_hash))

    def on_stale(self, worker: SharedWorker, task: RunTask) -> None:
        """See :class:`~bide.engine.executors.local.shared_worker.SharedOwner`."""
        self._let_go(worker)
        uid = task.instance.id
        self._stale[uid] += 1
        if uid in self._cancelled:
            self._forget(task)
        elif self._stale[uid] < _STALE_LIMIT:
            self._rehome(task)
        else:
            text = f"its code changed {self._stale[uid]} times in a row while a worker was about to begin it"
            self._settle(task, self._settler.lose(task, text))

    def _on_gone(self, worker: SharedWorker, how: RunnerExit) -> None:
        lost = [held for held in worker.held.values() if not held.calling]
        alone = len([held for held in lost if held.task.instance.id not in self._cancelled]) == 1
        if lost and not alone and not self._stopping:
            log.error("shared_worker_lost", worker=worker.label, tasks=len(lost), how=str(how))
        for held in worker.held.values():
            task, uid = held.task, held.task.instance.id
            if held.calling:
                self._settle(task, self._settler.give_back_callbacks(task))
            elif uid in self._cancelled:
                self._forget(task)
            elif self._stopping or how.with_template or worker.was_killed:
                self._give_up(task, counted=how.with_template and not self._stopping)
            elif alone:
                text = f"while it ran this task, the worker process {how}"
                log.error("task_lost", instance=uid, task=task.instance.task_id, error=text)
                self._settle(task, self._settler.lose(task, text))
            else:
                # One of them is to blame, and nobody knows which: each begins again, where it is alone.
                self.apart.instances.add(uid)
                self._give_up(task, counted=True)
        self._waker.soon()

    # --- places and processes ---

    def _pump(self) -> None:
        if self._stopping:
            self._check_all_ended()
            return
        pause = self._blocked_until - self._loop.time()
        if pause > 0:
            self._waker.later(pause)
            return
        for _ in range(len(self._homeless)):
            task = self._homeless.popleft()
            worker = self._place(task.dag_file)
            if worker is None:
                self._homeless.append(task)
            else:
                self._send(worker, task)
        batch: list[tuple[SharedWorker, Claim]] = []
        for file, number in self._unplaced.counts().items():
            for _ in range(number):
                worker = self._place(file)
                if worker is None:
                    break
                claim = self._unplaced.take(file)
                worker.reserved += 1
                self._starting[claim.instance.id] = claim
                batch.append((worker, claim))
        if batch:
            self._spawn(self._start(batch))
        self._grow()

    def _place(self, file: str) -> SharedWorker | None:
        """The fullest process of `file` that has room."""
        found = [one for one in self._workers if one.file == file and not one.sealed and one.load < self._most]
        return max(found, key=lambda one: one.load, default=None)

    def _without_place(self, file: str, number: int) -> int:
        rooms = (self._most - one.load for one in self._workers if one.file == file and not one.sealed)
        return max(0, number - sum(rooms) - self._forking[file] * self._most)

    def _grow(self) -> None:
        waiting = Counter(task.dag_file for task in self._homeless)
        waiting.update(self._unplaced.counts())
        for file, number in waiting.items():
            while number > self._forking[file] * self._most:
                self._forking[file] += 1
                self._spawn(self._fork(file))

    async def _fork(self, file: str) -> None:
        self._numbers += 1
        label = f"{self._prefix}{self._numbers}"
        try:
            runner = await self._template.fork("task", label)
        except TemplateUnavailable as error:
            log.error("worker_unavailable", error=str(error))
            self._blocked_until = self._loop.time() + _PAUSE
            return
        finally:
            self._forking[file] -= 1
            self._waker.soon()
        worker = SharedWorker(label, file, runner, self._control, self)
        self._workers.append(worker)
        self._let_go(worker)
        how = await worker.serve()
        self._workers.remove(worker)
        self._on_gone(worker, how)

    def _let_go(self, worker: SharedWorker) -> None:
        """A process without tasks goes: at once if it gets no other, else after a while."""
        if worker.load:
            return
        if worker.sealed or self._stopping:
            worker.retire()
        else:
            self._loop.call_later(self._idle_after, self._retire_idle, worker, worker.ended)

    def _retire_idle(self, worker: SharedWorker, ended: int) -> None:
        if not worker.load and worker.ended == ended and not self._stopping:
            worker.retire()

    async def _start(self, batch: list[tuple[SharedWorker, Claim]]) -> None:
        try:
            tasks = await self._control.start_tasks([claim for _, claim in batch])
        except Exception as error:
            self._postpone(batch, error)
            return
        started = {task.instance.id: task for task in tasks}
        for worker, claim in batch:
            uid = claim.instance.id
            worker.reserved -= 1
            del self._starting[uid]
            order = started.get(uid)
            if order is None or uid in self._cancelled:
                # It moved on before it was started, or meanwhile.
                self._cancelled.discard(uid)
                self._admit(uid)
                self._let_go(worker)
                continue
            task = self._started[uid] = msgspec.structs.replace(order, shared=True)
            self._send(worker, task)
        self._check_all_ended()
        self._on_free()
        self._waker.soon()

    def _postpone(self, batch: list[tuple[SharedWorker, Claim]], error: Exception) -> None:
        """The store could not take a start: the claims wait again."""
        if isinstance(error, StoreUnavailable):
            log.warning("start_postponed", claims=len(batch), error=str(error))
        else:
            log.error("start_failed", claims=len(batch), exc_info=error)
        claims: list[Claim] = []
        for worker, claim in batch:
            worker.reserved -= 1
            del self._starting[claim.instance.id]
            self._let_go(worker)
            if claim.instance.id in self._cancelled:
                self._cancelled.discard(claim.instance.id)
                self._admit(claim.instance.id)
            else:
                claims.append(claim)
        self._blocked_until = self._loop.time() + _PAUSE
        self.submit([one for one in claims if not self._unplaced.is_aside(one.instance.id)])
        self._check_all_ended()

    def _send(self, worker: SharedWorker, task: RunTask) -> None:
        try:
            worker.run(task)
        except ChannelClosed:
            worker.sealed = True
            self._rehome(task)

    def _rehome(self, task: RunTask) -> None:
        if self._stopping:
            self._give_up(task)
        else:
            self._homeless.append(task)
            self._waker.soon()

    # --- ends ---

    def _stop_task(self, task: RunTask) -> None:
        if task in self._homeless:
            self._homeless.remove(task)
            self._forget(task)
            return
        uid = task.instance.id
        for worker in self._workers:
            held = worker.held.get(uid)
            if held is not None and held.task is task and not held.reported:
                worker.cancel(task)
                self._loop.call_later(self._grace, self._insist, worker, task)

    def _insist(self, worker: SharedWorker, task: RunTask) -> None:
        """A cancelled task is still there after the grace: its process goes, unless somebody else is to blame."""
        held = worker.held.get(task.instance.id)
        if held is None or held.task is not task or held.reported or self._stopping:
            return
        if worker.blocking and task.instance.id not in worker.blocking:
            self._loop.call_later(self._grace, self._insist, worker, task)
            return
        log.warning("shared_worker_killed", worker=worker.label, task=task.instance.task_id, tasks=len(worker.held))
        self._spawn(worker.kill())

    def _give_up(self, task: RunTask, *, counted: bool = False) -> None:
        self._settle(task, self._settler.give_up(task, counted=counted))

    def _settle(self, task: RunTask, command: Coroutine[Any, Any, None]) -> None:
        async def settle() -> None:
            await command
            self._forget(task)

        self._spawn(settle())

    def _forget(self, task: RunTask) -> None:
        uid = task.instance.id
        if self._started.get(uid) is not task:
            return
        del self._started[uid]
        self._stale.pop(uid, None)
        self._cancelled.discard(uid)
        self._admit(uid)
        self._on_free()
        self._check_all_ended()

    def _admit(self, uid: str) -> None:
        claims = self._unplaced.admit(uid)
        if claims:
            self._resubmit(claims)

    def _check_all_ended(self) -> None:
        if self._stopping and not self._started and not self._starting:
            self._all_ended.set()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
