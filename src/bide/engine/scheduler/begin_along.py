"""Tasks begin with the commit that schedules them, wherever a worker is free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Protocol

from bide.control.queue_tasks import Openings, Who, begin_at_once
from bide.engine import faults
from bide.model.log_path import LogLayout
from bide.store import Topic, Tx
from bide.wire.messages import RunTask


class OpenWorkers(Protocol):
    """The workers of an executor that can begin a task at once. May be called on any thread."""

    def take(self) -> tuple[Openings, int]:
        """All that are free, until :meth:`settle`, and a number to give back with them."""
        ...

    def settle(self, openings: Openings, number: int, orders: Sequence[RunTask]) -> None:
        """`orders` need a worker each of those that were taken; the rest is free again."""
        ...

    def break_off(self, orders: Sequence[RunTask]) -> None:
        """`orders` need no worker after all."""
        ...


class BeginningExecutor(Protocol):
    """An executor that takes tasks which are ``running`` already."""

    @property
    def open_workers(self) -> OpenWorkers:
        """What it offers."""
        ...

    def begin(self, orders: Sequence[RunTask]) -> None:
        """Run these, each on the worker that was promised to it. Called on the event loop."""
        ...


class BeginAlong:
    """A sequel (:mod:`bide.store.sequels`) to whatever schedules tasks."""

    topic: ClassVar[Topic] = "scheduled"

    def __init__(self, executor: BeginningExecutor, who: Who, logs: LogLayout) -> None:
        self._executor = executor
        self._workers = executor.open_workers
        self._who = who
        self._logs = logs

    def write(self, tx: Tx) -> list[RunTask] | None:
        """See :class:`~bide.store.sequels.Sequel`."""
        openings, number = self._workers.take()
        orders: list[RunTask] = []
        try:
            if openings.workers:
                begun = begin_at_once(tx, openings, self._who, self._logs)
                if begun is not None:
                    _reach("before", begun.orders)
                    orders = begun.orders
                    if begun.is_all:
                        tx.hush("scheduled")
        finally:
            self._workers.settle(openings, number, orders)
        return orders or None

    def stored(self, result: list[RunTask]) -> None:
        """See :class:`~bide.store.sequels.Sequel`."""
        try:
            _reach("after", result)
        finally:
            self._executor.begin(result)

    def undone(self, result: list[RunTask]) -> None:
        """See :class:`~bide.store.sequels.Sequel`."""
        self._workers.break_off(result)


def _reach(side: Literal["before", "after"], orders: Sequence[RunTask]) -> None:
    """The fault points of what is three commits where no worker is free."""
    resumes = [order.resume is not None for order in orders]
    if resumes:
        faults.reach(f"claim.{side}")
    if any(resumes):
        faults.reach(f"resume.{side}")
    if not all(resumes):
        faults.reach(f"start.{side}")
