"""A running triggerer, on fakes or on a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting_tasks import WaitingTasks
from triggerer_fakes import Changes, FakeControl, FakeSource

from bide.engine.triggerer import TriggerControl, Triggerer, TriggererSettings
from bide.observe.clock import SystemClock
from bide.store import Bell, Store

SESSION = "0190a0b0-0000-7000-8000-00000000abcd"


class World:
    """A triggerer, and what it works with."""

    def __init__(
        self,
        *,
        bell: Bell | None = None,
        control: TriggerControl | None = None,
        session: str = SESSION,
        **settings: Any,
    ) -> None:
        self.bell = bell or Bell()
        self.changes = Changes()
        self.control: Any = control or FakeControl(self.bell, self.changes)
        self.source = FakeSource(self.changes)
        defaults: dict[str, Any] = {"heartbeat": 60.0, "ping_interval": 0.01, "safety_poll": 600.0}
        self.triggerer = Triggerer(
            self.source,
            self.control,
            self.bell,
            SystemClock(),
            session=session,
            settings=TriggererSettings(**(defaults | settings)),
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work)

    async def until(self, check: Callable[[], bool], what: str, timeout: float = 10.0) -> None:
        await self.changes.until(check, what, timeout)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.triggerer.run())
            try:
                yield
            finally:
                await self.triggerer.stop(grace=5.0)
                await self.source.close()


@asynccontextmanager
async def _starter() -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def begin(**settings: Any) -> World:
            world = World(**settings)
            await stack.enter_async_context(world.running())
            return world

        yield begin


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Any]]:
    """Make a :class:`World` with these settings and start its triggerer."""
    async with _starter() as begin:
        yield begin


@pytest.fixture
async def tasks(store: Store, tmp_path: Path) -> WaitingTasks:
    """Makes deferred tasks in `store`."""
    return await WaitingTasks.prepare(store, tmp_path)


@pytest.fixture
async def serve(store: Store, tasks: WaitingTasks) -> AsyncIterator[Callable[..., Any]]:
    """As `start`, on `store`."""
    async with _starter() as begin:
        yield partial(begin, bell=store.bell, control=tasks.control(), session=tasks.session)
