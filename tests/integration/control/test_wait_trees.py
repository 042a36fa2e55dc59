"""Waits made of waits, in the store: each part ends by itself, the task goes on when the whole is decided."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from bide.control.accept_event import WaitEnding, accept_many
from bide.control.claim_waits import claim_waits, held_waits
from bide.control.send_signal import send_signal
from bide.model.errors import Conflict, NotFound
from bide.model.values import decode, encode
from bide.store.obligations import pending
from bide.wire.messages import Outcome, RunTask, WaitSpec
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, event, poll, timer

pytestmark = pytest.mark.usefixtures("no_blocking")


def tree(needed: int, *, of: str = "", **children: WaitSpec) -> WaitSpec:
    named = tuple(msgspec.structs.replace(spec, name=name) for name, spec in children.items())
    return WaitSpec("n_of", "tree", b"{}", children=named, needed=needed, subject=of)


def signal(name: str) -> WaitSpec:
    return WaitSpec("signal", "bide.SignalTrigger", b"{}", signal=name, subject=f"signal {name}")


async def waiting(engine: HandEngine, spec: WaitSpec, **fields: Any) -> dict[str, tuple[str, int]]:
    """A task ``a`` that waits for `spec`; the leases of its parts by their names."""
    await engine.run_of(dag_spec("d"))
    await engine.defer("a", spec, **fields)
    return await leases(engine)


async def leases(engine: HandEngine) -> dict[str, tuple[str, int]]:
    await claim_waits(engine.store, "s", 100, logs=engine.logs)
    return {row["name"]: (row["uid"], row["token"]) for row in await engine.waits()}


async def resumed_with(engine: HandEngine) -> Any:
    task: RunTask = (await engine.start())["a"]
    assert task.resume is not None
    assert task.resume.method == "done"
    return decode(task.resume.event)


async def test_any_goes_on_with_the_first_event(engine: HandEngine) -> None:
    parts = await waiting(engine, tree(1, told=poll(), seen=poll()))
    assert await accept_many(engine.store, [WaitEnding(*parts["seen"], event(b"7"))]) == {parts["seen"][0]}
    assert await engine.waits() == []
    assert await resumed_with(engine) == {"seen": 7}
    assert await accept_many(engine.store, [WaitEnding(*parts["told"], event(b"8"))]) == set()


async def test_all_keep_their_events_until_the_last_one(engine: HandEngine) -> None:
    parts = await waiting(engine, tree(2, x=poll(), y=poll()))
    assert await accept_many(engine.store, [WaitEnding(*parts["y"], event(b'"first"'))]) == {parts["y"][0]}
    assert (await engine.states())["a"] == "deferred"
    assert await held_waits(engine.store, "s") == {parts["x"][0]}
    # A copy of an event that was stored changes nothing.
    assert await accept_many(engine.store, [WaitEnding(*parts["y"], event(b'"copy"'))]) == set()
    await accept_many(engine.store, [WaitEnding(*parts["x"], event(b"2"))])
    assert await resumed_with(engine) == {"y": "first", "x": 2}


async def test_a_part_that_ends_the_task_as_failed_is_told_as_a_part(engine: HandEngine) -> None:
    parts = await waiting(engine, tree(1, of="this or that", x=poll(), y=poll()))
    await accept_many(engine.store, [WaitEnding(*parts["y"], Outcome("failed", b"null"))])
    assert (await engine.instance("a"))["error"] == "the wait for this or that ended the task as failed"


async def test_several_parts_may_end_in_one_delivery(engine: HandEngine) -> None:
    parts = await waiting(engine, tree(2, x=poll(), y=poll(), z=poll()))
    endings = [WaitEnding(*parts[name], event(name.encode().join((b'"', b'"')))) for name in "xyz"]
    assert await accept_many(engine.store, endings) == {parts[name][0] for name in "xy"}
    assert await resumed_with(engine) == {"x": "x", "y": "y"}


async def test_ends_at_the_same_time_do_not_miss_each_other(engine: HandEngine) -> None:
    names = [f"p{number}" for number in range(20)]
    parts = await waiting(engine, tree(20, **{name: poll() for name in names}))
    await asyncio.gather(*(accept_many(engine.store, [WaitEnding(*parts[name], event(b"1"))]) for name in names))
    assert await resumed_with(engine) == dict.fromkeys(names, 1)


async def test_a_failed_part_fails_the_task_only_when_too_few_are_left(engine: HandEngine) -> None:
    parts = await waiting(engine, tree(1, x=poll(), y=poll()))
    await accept_many(engine.store, [WaitEnding(*parts["x"], error="ValueError: one")])
    assert (await engine.states())["a"] == "deferred"
    await accept_many(engine.store, [WaitEnding(*parts["y"], error="ValueError: two")])
    row = await engine.instance("a")
    assert row["state"] == "failed"
    assert "x: ValueError: one; y: ValueError: two" in row["error"]


async def test_an_event_that_ends_the_task_ends_it_wherever_it_comes_from(engine: HandEngine) -> None:
    parts = await waiting(engine, tree(2, x=poll(), y=tree(1, z=poll())))
    await accept_many(engine.store, [WaitEnding(*parts["z"], Outcome("skipped", b"null", xcoms={"k": b"1"}))])
    assert (await engine.states())["a"] == "skipped"
    assert await engine.waits() == []


async def test_timers_are_parts_like_others(engine: HandEngine) -> None:
    now = engine.clock.now()
    await waiting(engine, tree(1, late=timer(now.replace(year=2100), event(b'"late"')), job=poll()))
    assert await engine.settle() == now.replace(year=2100)
    engine.clock.move_to(now.replace(year=2100))
    await engine.settle()
    assert await resumed_with(engine) == {"late": "late"}


async def test_a_part_has_a_limit_of_its_own(engine: HandEngine) -> None:
    limited = msgspec.structs.replace(poll(has_on_kill=True), timeout=60.0)
    parts = await waiting(engine, tree(1, x=limited, y=poll(has_on_kill=True)))
    await engine.skip_to_next()
    assert (await engine.states())["a"] == "deferred"
    run_uid = (await engine.instance("a"))["run_uid"]
    # What the part had begun outside is cancelled, though its task goes on.
    assert await engine.store.read(lambda tx: pending(tx, run_uid)) == 1
    await accept_many(engine.store, [WaitEnding(*parts["y"], event(b"1"))])
    assert await resumed_with(engine) == {"y": 1}


async def test_the_limit_of_the_whole_cancels_all_that_still_waits(engine: HandEngine) -> None:
    parts = await waiting(
        engine, tree(3, x=poll(has_on_kill=True), y=poll(has_on_kill=True), z=poll()), timeout=5.0
    )
    await accept_many(engine.store, [WaitEnding(*parts["x"], event(b"1"))])
    await engine.skip_to_next()
    row = await engine.instance("a")
    assert (row["state"], "timeout of 5 s is over" in row["error"]) == ("failed", True)
    assert await engine.store.read(lambda tx: pending(tx, row["run_uid"])) == 1
    assert await engine.waits() == []


async def test_a_signal_resumes_its_task(engine: HandEngine) -> None:
    await waiting(engine, signal("go"))
    uid = (await engine.instance("a"))["uid"]
    assert await send_signal(engine.store, uid, "other", b"1", by="ann") == "stored"
    assert await send_signal(engine.store, uid, "go", encode({"ok": True}, what="body"), by="ann") == "resumed"
    assert await resumed_with(engine) == {"ok": True}


async def test_a_signal_that_came_early_is_taken_once(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    await engine.start()
    uid = (await engine.instance("a"))["uid"]
    assert await send_signal(engine.store, uid, "go", b"1", by="ann") == "stored"
    assert await send_signal(engine.store, uid, "go", b"2", by="ann") == "stored"
    await engine.defer("a", signal("go"))
    assert engine.started("a").resume is not None
    assert decode(engine.started("a").resume.event) == 1
    await engine.defer("a", tree(1, told=signal("go"), seen=poll()))
    assert decode(engine.started("a").resume.event) == {"told": 2}
    await engine.defer("a", signal("go"))
    assert (await engine.states())["a"] == "deferred"


async def test_a_signal_is_a_part_like_others(engine: HandEngine) -> None:
    await waiting(engine, tree(2, first=signal("a"), second=signal("a"), third=poll()))
    uid = (await engine.instance("a"))["uid"]
    assert await send_signal(engine.store, uid, "a", b"1", by="ann") == "resumed"
    assert (await engine.states())["a"] == "deferred"
    assert await send_signal(engine.store, uid, "a", b"2", by="ann") == "resumed"
    assert await resumed_with(engine) == {"first": 1, "second": 2}


async def test_signals_to_nobody_are_refused(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    with pytest.raises(NotFound, match="'nobody'"):
        await send_signal(engine.store, "nobody", "go", b"1", by="ann")
    await engine.finish("a")
    uid = (await engine.instance("a"))["uid"]
    with pytest.raises(Conflict, match="has ended, it is success"):
        await send_signal(engine.store, uid, "go", b"1", by="ann")
