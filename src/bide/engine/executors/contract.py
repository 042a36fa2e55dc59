"""What the engine expects of an executor, and what an executor may ask of the engine.

An instance comes to an executor as a :class:`~bide.control.claims.Claim`: it is ``queued`` and counts as
one of the executor's slots. From then on exactly one of these happens to it:

* it is **started** (``running``, new epoch) and ends by a final request of its runner (Finish, Defer,
  Reschedule)
  that was acknowledged, or that was refused because the instance has moved on;
* it was started, and its runner died alone: it is **lost**, which costs a try;
* it was not started, or it was and the executor or its host went down: it is **given back**, which costs
  none;
* it was **cancelled** by :meth:`Executor.cancel`, or lost the race at its start: it had moved on before,
  and the
  executor only forgets it.

An executor that says which of its workers are open (:mod:`bide.engine.scheduler.begin_along`) is also given
tasks that a transaction has begun for them: they are ``running`` when they come, and end like those above.

What the store has acknowledged is never undone or repeated by an executor; what it has not, may run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bide.control.claims import Claim
from bide.wire.messages import Frame, Reply, RunTask


class Executor(Protocol):
    """Runs claimed instances. All methods are called on one event loop."""

    async def start(self) -> None:
        """Make ready. Called once, before anything is submitted."""
        ...

    async def stop(self, grace: float) -> None:
        """End in good order; called once.

        Nothing new is started: what was not begun is given back at once. What runs gets `grace` seconds to
        end by itself, and its requests are answered meanwhile. Then it is killed without ``on_kill`` (jobs
        outside go on, and the next segment attaches to them) and given back. On return no process of this
        executor is left.
        """
        ...

    def free_slots(self) -> int:
        """How many more claims can be submitted now; those that have not ended count. Never negative."""
        ...

    def submit(self, claims: Sequence[Claim]) -> None:
        """Take over `claims`, at most :meth:`free_slots` of them; returns at once.

        They start in the order given, as far as free workers allow. When slots become free the executor calls
        the function it was given for that (it rings ``slots``), at the latest a moment after the first of them.
        """
        ...

    def running(self) -> Mapping[str, int]:
        """Instances (with their epochs) that were started and have not said how they end."""
        ...

    def cancel(self, instance_id: str, epoch: int | None = None) -> None:
        """Stop the process of an instance that has already moved on in the store; returns at once.

        With `epoch`, only if it was started under that one: it may run again meanwhile.

        SIGTERM, upon which the runner calls the operator's ``on_kill()``, and again each second in case that it
        was not seen; after the executor's grace SIGKILL for it and for everything that it started. An instance
        that is not known (any more) is none of its business.
        """
        ...


class TaskControl(Protocol):
    """The commands that an executor gives to the engine. All are durable on return and may be repeated.

    They raise :class:`~bide.model.errors.StoreUnavailable` while the store can't take them; the executor
    repeats them then.
    """

    async def start_tasks(self, claims: Sequence[Claim]) -> list[RunTask]:
        """``queued`` to ``running`` in one transaction; claims that have moved on are left out."""
        ...

    async def answer(self, frame: Frame) -> Reply:
        """Do what a task runner asks; waits while the store can't take it, so that a result is kept."""
        ...

    async def lose_task(self, instance_id: str, epoch: int, *, error: str) -> bool:
        """A runner died alone: costs a try; the task's log gets `error`. False if the instance had moved on."""
        ...

    async def give_back_callbacks(self, instance_id: str, epoch: int) -> None:
        """A runner died after the end of its task, while it called callbacks or listeners: others call them."""
        ...

    async def give_back(self, claims: Sequence[Claim]) -> None:
        """``queued`` back to ``scheduled``; no try is lost. Those that have moved on are left alone."""
        ...

    async def give_up_running(self, held: Sequence[tuple[str, int]], *, counted: bool) -> None:
        """``running`` (instance id, epoch) back to ``scheduled``: the engine stops or fails, so no try is lost.

        `counted`: what runs here may be what made it fail, so this counts among an instance's rescues, which
        have an end.
        """
        ...
