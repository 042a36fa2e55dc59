"""A sensor that was rescheduled waits for time, and for any signal (L005)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bide.control.accept_callback import accept_callback
from bide.control.runner_requests import answer
from bide.control.send_signal import send_signal
from bide.model.values import encode
from bide.wire.kept import CallbackUrl, MintCallback
from bide.wire.messages import Frame, Ok, Reschedule, RunTask
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

BODY = encode({"ok": True}, what="body")


async def here() -> str:
    return "http://bide.example"


async def look(engine: HandEngine) -> RunTask:
    """The sensor, which looks now."""
    return (await engine.start())["a"]


def in_an_hour(engine: HandEngine) -> Reschedule:
    return Reschedule((engine.clock.now() + timedelta(hours=1)).timestamp())


async def rest(engine: HandEngine, task: RunTask) -> None:
    """The sensor has found nothing."""
    assert isinstance(await engine.ask(task, in_an_hour(engine)), Ok)
    del engine.executor.started[task.instance.id]
    await engine.settle()


async def test_a_signal_lets_a_rescheduled_sensor_look_at_once(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"is_sensor": True}))
    task = await look(engine)
    await rest(engine, task)
    assert await engine.states() == {"a": "up_for_reschedule"}
    rung = engine.store.bell.listen("scheduled")
    assert await send_signal(engine.store, task.instance.id, "now", BODY, by="ann") == "resumed"
    assert await rung.wait(0)
    again = await look(engine)
    assert again.try_number == 1
    assert again.resume is None
    await rest(engine, again)
    assert await engine.states() == {"a": "up_for_reschedule"}, "one signal, one look"


async def test_a_signal_during_a_look_lets_it_look_once_more(engine: HandEngine) -> None:
    """What the look has not seen yet may be what the signal tells of."""
    await engine.run_of(dag_spec("d", each={"is_sensor": True}))
    task = await look(engine)
    for name in ("now", "later"):
        assert await send_signal(engine.store, task.instance.id, name, BODY, by="ann") == "stored"
    await rest(engine, task)
    again = await look(engine)
    await rest(engine, again)
    assert await engine.states() == {"a": "up_for_reschedule"}


async def test_a_callback_url_does_so_too(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"is_sensor": True}))
    task = await look(engine)
    frame = Frame(MintCallback("default"), 1, task.instance.id, task.epoch)
    reply = await answer(engine.store, frame, address=here)
    assert isinstance(reply, CallbackUrl)
    await rest(engine, task)
    assert await accept_callback(engine.store, reply.token, BODY) == "resumed"
    assert await accept_callback(engine.store, reply.token, BODY) == "repeated"
    await look(engine)


async def test_signals_and_looks_at_the_same_time_do_not_miss_each_other(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"is_sensor": True}))
    for _ in range(20):
        task = await look(engine)
        del engine.executor.started[task.instance.id]
        await asyncio.gather(
            engine.ask(task, in_an_hour(engine)),
            send_signal(engine.store, task.instance.id, "now", BODY, by="ann"),
        )
    await look(engine)
