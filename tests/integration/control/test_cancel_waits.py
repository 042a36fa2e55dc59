"""Ending what a task waits for, by hand."""

from __future__ import annotations

import msgspec
import pytest
import sqlalchemy as sa

from bide.control.cancel_wait import cancel_wait
from bide.model.errors import Conflict, NotFound
from bide.model.journal import RESUME_BY_REPLAY
from bide.store.schema import cancel_obligation
from bide.wire.messages import WaitSpec
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, poll

pytestmark = pytest.mark.usefixtures("no_blocking")


async def waiting(engine: HandEngine, wait: WaitSpec, **fields: object) -> str:
    await engine.run_of(dag_spec("d", each={"retries": 3}))
    await engine.defer("a", wait, **fields)
    return (await engine.instance("a"))["uid"]


async def obligations(engine: HandEngine) -> int:
    query = sa.select(sa.func.count()).select_from(cancel_obligation)
    return await engine.store.read(lambda tx: tx.conn.execute(query).scalar_one())


async def test_k01_the_task_fails_for_good_and_its_work_is_cancelled(engine: HandEngine) -> None:
    """K01: work outside of a wait that a person ends is no orphan."""
    uid = await waiting(engine, poll(has_on_kill=True))
    assert await cancel_wait(engine.store, uid, by="ada") == "something"
    row = await engine.instance("a")
    assert (row["state"], row["error"]) == ("failed", "the wait was cancelled by ada")
    assert await engine.waits() == []
    assert await obligations(engine) == 1
    with pytest.raises(Conflict, match="it is failed"):
        await cancel_wait(engine.store, uid, by="ada")


async def test_all_parts_of_a_wait_end(engine: HandEngine) -> None:
    parts = tuple(msgspec.structs.replace(poll(has_on_kill=True), name=str(number)) for number in range(3))
    uid = await waiting(engine, WaitSpec("all", "tree", b"{}", needed=3, children=parts, subject="all of it"))
    assert await cancel_wait(engine.store, uid, by="ada") == "all of it"
    assert await engine.waits() == []
    assert await obligations(engine) == 3


async def test_a_function_sees_a_failed_wait(engine: HandEngine) -> None:
    """It may catch that; so the task goes on in a worker."""
    uid = await waiting(engine, poll(), method=RESUME_BY_REPLAY)
    await cancel_wait(engine.store, uid, by="ada")
    assert (await engine.instance("a"))["state"] == "scheduled"


async def test_only_what_waits_can_be_cancelled(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    uid = (await engine.instance("a"))["uid"]
    with pytest.raises(Conflict, match="does not wait"):
        await cancel_wait(engine.store, uid, by="ada")
    with pytest.raises(NotFound):
        await cancel_wait(engine.store, "nobody", by="ada")
