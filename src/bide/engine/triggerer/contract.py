"""What the triggerer asks of the parts around it.

Its commands on the store are behind :class:`TriggerControl`, bound to one engine session, so that the triggerer
can be tested without a database; runner processes come from a :class:`RunnerSource`, which
:class:`bide.engine.template.Template` is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, Protocol

from bide.control.accept_event import WaitEnding
from bide.control.arm_starts import ArmedStart
from bide.engine.template import Runner
from bide.wire.messages import Frame, Reply, RunOnKill, StartLoad, TriggerLoad
from bide.wire.stream_messages import MessageKey, SaveCheckpoint


class TriggerControl(Protocol):
    """Commands of one engine session. Each is one transaction, durable on return.

    All raise :class:`~bide.model.errors.StoreUnavailable` while the store is locked or full; the triggerer then
    tries again.
    """

    async def claim_waits(self, limit: int) -> list[TriggerLoad]:
        """Lease up to `limit` polls and streams that nobody runs, oldest first, each under a new token."""
        ...

    async def claim_watchers(self, limit: int) -> list[TriggerLoad]:
        """Lease up to `limit` watchers of assets that nobody runs, each under a new token."""
        ...

    async def next_watcher(self) -> datetime | None:
        """When a watcher that has failed is to run again."""
        ...

    async def claim_starts(self, limit: int) -> list[StartLoad]:
        """Lease up to `limit` tasks that start from their trigger and whose wait is still to be made."""
        ...

    async def arm_start(self, start: ArmedStart) -> None:
        """Let the task wait for what was found.

        Raises :class:`~bide.model.errors.Fenced` if the lease is no longer good, and
        :class:`~bide.model.errors.InvalidArgument` for a wait that can't be.
        """
        ...

    async def answer(self, frame: Frame) -> Reply:
        """Answer what a runner asks on behalf of a task whose first wait it makes."""
        ...

    async def release_waits(self, wait_ids: Sequence[str] | None = None) -> None:
        """Give back the leases of this session on `wait_ids` (None: all), so that they can be claimed again.

        Rings ``waits``. Waits that are gone or belong to another session are left alone.
        """
        ...

    async def held_waits(self) -> set[str]:
        """Ids of the waits that the store says this session holds."""
        ...

    async def accept_many(self, endings: Sequence[WaitEnding]) -> set[str]:
        """End these waits: an outcome resumes or ends its task, an error fails it.

        The ids of those that were accepted. For the others the lease is no longer good or the wait is gone, and
        nothing is written. One refusal does not affect the others.
        """
        ...

    async def taken(self, messages: Collection[MessageKey]) -> set[MessageKey]:
        """Those of `messages`, each for one wait only, that have had theirs."""
        ...

    async def save_checkpoint(self, order: SaveCheckpoint) -> bool:
        """Store how far a stream was read; False if there are waits that have not been offered all before that."""
        ...

    async def claim_obligations(self, limit: int) -> list[RunOnKill]:
        """Lease up to `limit` cancels of external work that are due now."""
        ...

    async def next_obligation(self) -> datetime | None:
        """When the next cancel is due that nobody has leased."""
        ...

    async def settle(self, order: RunOnKill, error: str) -> None:
        """Store a cancel's result: done if `error` is empty, else tried again later or given up.

        One whose lease is over changes nothing.
        """
        ...


class RunnerSource(Protocol):
    """Forks runner processes."""

    async def fork(self, role: Literal["trigger"], label: str) -> Runner:
        """A new trigger runner. Labels are never used twice.

        Raises :class:`~bide.engine.template.TemplateUnavailable` if none can be started.
        """
        ...
