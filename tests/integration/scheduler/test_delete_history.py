"""The duty that deletes old history."""

from __future__ import annotations

import pytest

from bide.engine.scheduler.duties.delete_history import DeleteHistory
from bide.model.retention import Keep, Retention
from bide.store import Store, sessions
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")


async def scheduler(store: Store) -> str:
    return await store.write(lambda tx: sessions.begin(tx, kind="scheduler", hostname="here", pid=1))


def duty(engine: HandEngine, session: str) -> DeleteHistory:
    return DeleteHistory(engine.store, session, Retention(Keep(1)), engine.logs, interval=600.0)


async def test_it_looks_now_and_then(engine: HandEngine) -> None:
    own = duty(engine, await scheduler(engine.store))
    await engine.run_of(dag_spec("d"), run_id="first")
    await engine.finish("a")
    assert (await own.run()).due_at is not None
    assert list(await engine.run_states()) == ["first"]
    engine.clock.advance(2 * 86_400)
    following = await own.run()
    assert await engine.run_states() == {}
    assert following.due_at is not None
    assert (following.due_at - engine.clock.now()).total_seconds() == 600
    await engine.create("d", run_id="second")
    await engine.finish("a")
    engine.clock.advance(599)
    assert (await own.run()).due_at == following.due_at


async def test_of_several_engines_one_does(engine: HandEngine) -> None:
    first = duty(engine, await scheduler(engine.store))
    engine.clock.advance(1)
    second = duty(engine, await scheduler(engine.store))
    await engine.run_of(dag_spec("d"), run_id="old")
    await engine.finish("a")
    engine.clock.advance(2 * 86_400)
    await second.run()
    assert list(await engine.run_states()) == ["old"]
    await first.run()
    assert await engine.run_states() == {}
