"""The local executor with both kinds of workers: of one task, and of many async ones.

A slot is the right to a process. A plain task has one for as long as it runs. Async tasks of one DAG file share: a
process with any of them takes one slot, however many it has. What was claimed and has no place yet takes one too,
so that there are never more busy processes than slots.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from bide.config.settings import Settings
from bide.control.claims import Claim
from bide.control.queue_tasks import Openings
from bide.engine.executors.contract import TaskControl
from bide.engine.executors.local.apart import Apart
from bide.engine.executors.local.executor import LocalExecutor
from bide.engine.executors.local.openings import OpenWorkers
from bide.engine.executors.local.shared import SharedWorkers
from bide.engine.executors.local.waking import Waker
from bide.engine.template import Template
from bide.model.clock import Clock
from bide.wire.messages import RunTask


def local_executor(
    template: Template,
    control: TaskControl,
    settings: Settings,
    *,
    session: str,
    clock: Clock,
    on_slots: Callable[[], None],
) -> LocalExecutor | SharingExecutor:
    """The executor that the settings ask for; `on_slots` is called when a slot has become free."""
    of = settings.local_executor
    plain = LocalExecutor(
        template,
        control,
        parallelism=settings.core.parallelism,
        session=session,
        clock=clock,
        on_slots=on_slots,
        isolation=of.isolation,
        grace=of.grace_sec,
        idle_after=of.worker_idle_sec,
    )
    if not shares_workers(settings):
        return plain
    return SharingExecutor(
        plain,
        template,
        control,
        session=session,
        tasks_per_worker=of.async_tasks_per_worker,
        grace=of.grace_sec,
        idle_after=of.worker_idle_sec,
        on_slots=on_slots,
    )


def shares_workers(settings: Settings) -> bool:
    """Whether async tasks share processes."""
    return settings.local_executor.isolation == "worker" and settings.local_executor.async_tasks_per_worker > 1


class OpenWithinSlots:
    """Open workers, while there are slots for all of them: shared processes take some. For any thread."""

    def __init__(self, workers: OpenWorkers, executor: SharingExecutor) -> None:
        self._workers = workers
        self._executor = executor

    def take(self) -> tuple[Openings, int]:
        """See :class:`~bide.engine.scheduler.begin_along.OpenWorkers`."""
        openings, number = self._workers.take()
        # Without shared processes all of them have slots, also those that are about to be free.
        if not self._executor.shares or sum(openings.workers.values()) <= self._executor.free_slots():
            return openings, number
        self._workers.settle(openings, number, [])
        return Openings({}), number

    def settle(self, openings: Openings, number: int, orders: Sequence[RunTask]) -> None:
        """See :class:`~bide.engine.scheduler.begin_along.OpenWorkers`."""
        self._workers.settle(openings, number, orders)

    def break_off(self, orders: Sequence[RunTask]) -> None:
        """See :class:`~bide.engine.scheduler.begin_along.OpenWorkers`."""
        self._workers.break_off(orders)


class SharingExecutor:
    """:class:`LocalExecutor` for plain tasks, :class:`SharedWorkers` for async ones."""

    def __init__(
        self,
        plain: LocalExecutor,
        template: Template,
        control: TaskControl,
        *,
        session: str,
        tasks_per_worker: int,
        grace: float,
        idle_after: float,
        on_slots: Callable[[], None],
    ) -> None:
        self._plain = plain
        self._refill = Waker(on_slots)
        self._shared = SharedWorkers(
            template,
            control,
            most=tasks_per_worker,
            prefix=f"async-{session}-",
            grace=grace,
            idle_after=idle_after,
            on_free=self._refill.soon,
            resubmit=self.submit,
        )

    async def start(self) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        await self._plain.start()

    async def stop(self, grace: float) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        self._refill.close()
        await asyncio.gather(self._plain.stop(grace), self._shared.stop(grace))

    def free_slots(self) -> int:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        return max(0, self._plain.free_slots() - self._shared.slots())

    def submit(self, claims: Sequence[Claim]) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        shared = [claim for claim in claims if self._shares(claim)]
        if shared:
            self._shared.submit(shared)
        if len(shared) < len(claims):
            self._plain.submit([claim for claim in claims if claim not in shared])

    def _shares(self, claim: Claim) -> bool:
        # One that is not over there yet has to wait for its end.
        return self._shared.knows(claim.instance.id) or (claim.is_async and not self._shared.apart.has(claim))

    def begin(self, orders: Sequence[RunTask]) -> None:
        """See :class:`~bide.engine.scheduler.begin_along.BeginningExecutor`."""
        self._plain.begin(orders)

    @property
    def open_workers(self) -> OpenWithinSlots:
        """See :class:`~bide.engine.scheduler.begin_along.BeginningExecutor`."""
        return OpenWithinSlots(self._plain.open_workers, self)

    def running(self) -> Mapping[str, int]:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        return {**self._plain.running(), **dict(self._shared.running())}

    def cancel(self, instance_id: str, epoch: int | None = None) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        self._plain.cancel(instance_id, epoch)
        self._shared.cancel(instance_id, epoch)

    @property
    def shares(self) -> bool:
        """Whether any async task is under way in a shared process, or waits for one."""
        return self._shared.slots() > 0

    @property
    def kept_apart(self) -> Apart:
        """Which async tasks don't share."""
        return self._shared.apart

    def pids(self) -> list[int]:
        """The process ids of the workers."""
        return [*self._plain.pids(), *self._shared.pids()]
