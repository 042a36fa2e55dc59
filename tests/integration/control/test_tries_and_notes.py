"""Each try has its history; people write notes."""

from __future__ import annotations

import socket

import pytest

from bide.control.clear_tasks import clear_tasks
from bide.control.mark_run import mark_run
from bide.control.note_run import note_task
from bide.model.errors import NotFound
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import RunState
from bide.model.tries import Try, tries_of
from bide.store import notes
from bide.store.views import history
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, poll

pytestmark = pytest.mark.usefixtures("no_blocking")


async def tries(engine: HandEngine, task_id: str) -> list[Try]:
    row = await engine.instance(task_id)
    found = await engine.store.read(lambda tx: history(tx, [row["uid"]]))
    assert len(tries_of(found[row["uid"]])) == row["try_number"]
    return tries_of(found[row["uid"]])


async def test_the_tries_of_a_task_are_told(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d", each={"retries": 1, "retry_delay": 60.0}))
    await engine.start()
    begun = engine.clock.now()
    engine.clock.advance(5)
    await engine.finish("a", "failed")
    engine.clock.advance(60)
    await engine.defer("a", poll())
    assert [(one.number, str(one.state)) for one in await tries(engine, "a")] == [
        (1, "up_for_retry"),
        (2, "deferred"),
    ]
    await clear_tasks(engine.store, "d", which_runs=RunChoice(), which_tasks=TaskChoice(), by="test")
    await engine.finish("a")
    first, second, third = await tries(engine, "a")
    assert (first.start, first.seconds, first.host) == (begun, 5.0, socket.gethostname())
    assert (str(second.state), second.end) == ("deferred", third.start)
    assert str(third.state) == "success"


async def test_each_try_keeps_its_error(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", each={"retries": 2, "retry_delay": 60.0}))
    await engine.finish("a", "failed", error="ValueError: first")
    engine.clock.advance(61)
    await engine.defer("a", poll(), timeout=10.0)
    engine.clock.advance(11)
    await engine.settle()
    engine.clock.advance(61)
    await engine.start()
    await mark_run(engine.store, "d", run.run_id, RunState.FAILED, by="ada")
    first, second, third = await tries(engine, "a")
    assert first.error == "ValueError: first"
    assert "10" in second.error and second.state == "up_for_retry"
    assert third.error == "marked as failed by ada"
    await clear_tasks(engine.store, "d", which_runs=RunChoice(), which_tasks=TaskChoice(), by="ada")
    await engine.finish("a")
    assert [one.error for one in await tries(engine, "a")] == [first.error, second.error, third.error, ""]


async def test_notes_are_written_replaced_and_removed(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": [], "b": []}))
    uid = (await engine.instance("a"))["uid"]
    for text, kept in (("first", {uid: "first"}), ("second", {uid: "second"}), ("", {})):
        assert await note_task(engine.store, "d", run.run_id, "a", text, by="test") == 1
        assert await engine.store.read(lambda tx: notes.list_notes(tx, [uid])) == kept
    with pytest.raises(NotFound, match="has no task 'c'"):
        await note_task(engine.store, "d", run.run_id, "c", "x", by="test")
