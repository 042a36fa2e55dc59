"""Runs start in the transaction that makes them or makes room, and many cost as many statements as one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy.event

from bide.control.create_run import NewRun, make_runs
from bide.engine.scheduler.duties.start_runs import StartRuns
from bide.engine.scheduler.start_along import StartAlong
from bide.model.timetables import Interval
from bide.store import Tx, dags
from bide.store.runs import RunRow
from bide.wire.messages import Finish
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, begin_session

pytestmark = pytest.mark.usefixtures("no_blocking")


@pytest.fixture
async def along(engine: HandEngine) -> AsyncIterator[HandEngine]:
    session = await begin_session(engine.store)
    leave = engine.store.follow(StartAlong(session, StartRuns(engine.store, engine.scope)))
    yield engine
    leave()


@contextmanager
def statements(engine: HandEngine) -> Generator[list[str]]:
    """The statements of other than transactions that the store sees meanwhile."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    sqlalchemy.event.listen(engine.store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy.event.remove(engine.store.engine, "before_cursor_execute", note)


async def test_a_run_that_is_made_runs_at_once_and_nobody_is_woken(along: HandEngine) -> None:
    await along.register(dag_spec("d", {"a": [], "b": ["a"]}))
    rung = along.store.bell.listen("runs")
    run = await along.create("d")
    assert (await along.run_row(run))["state"] == "running"
    assert await along.states(run) == {"a": "scheduled", "b": "none"}
    assert not await rung.wait(0)


async def test_the_end_of_a_run_starts_the_next(along: HandEngine) -> None:
    await along.register(dag_spec("d", {"a": []}, max_active_runs=1))
    first, second = await along.create("d"), await along.create("d", run_id="second")
    assert [(await along.run_row(run))["state"] for run in (first, second)] == ["running", "queued"]
    await along.start()
    await along.ask(along.started("a"), Finish("success"))
    assert [(await along.run_row(run))["state"] for run in (first, second)] == ["success", "running"]
    assert await along.states(second) == {"a": "scheduled"}


async def test_one_for_later_wakes_who_looks_at_the_clock(along: HandEngine) -> None:
    await along.register(dag_spec("d"))
    rung = along.store.bell.listen("runs")
    run = await along.create("d", run_after=along.clock.now() + timedelta(hours=1))
    assert (await along.run_row(run))["state"] == "queued"
    assert await rung.wait(1)


async def test_a_commit_starts_only_so_many(along: HandEngine) -> None:
    await along.register(dag_spec("d", max_active_runs=100))
    rung = along.store.bell.listen("runs")
    await _make(along, 50)
    assert sum(state == "running" for state in (await along.run_states()).values()) == 20
    assert await rung.wait(1)
    await along.settle()
    assert set((await along.run_states()).values()) == {"running"}


async def test_many_runs_are_made_and_started_by_as_many_statements_as_few(engine: HandEngine) -> None:
    await engine.register(dag_spec("d", {"a": [], "b": ["a"]}, max_active_runs=100))
    starts = StartRuns(engine.store, engine.scope)
    counts: list[int] = []
    for number in (2, 40):
        with statements(engine) as seen:
            await _make(engine, number)
            await engine.store.write(starts.start)
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert list((await engine.run_states()).values()) == ["running"] * 42


async def test_runs_made_together_are_told_apart_by_id_and_date(engine: HandEngine) -> None:
    """One whose id is taken is left out; those that share a date say so."""
    await engine.register(dag_spec("d"))
    now = engine.clock.now()
    asked = [NewRun(name, now, Interval(now, now), now) for name in ("a", "b", "a")]
    first = await engine.store.write(
        lambda tx: make_runs(tx, _dag(tx), asked, run_type="manual", conf={}, by="ada")
    )
    assert [run and (run.run_id, run.shares_date) for run in first] == [("a", False), ("b", True), None]
    again = await engine.store.write(
        lambda tx: make_runs(tx, _dag(tx), asked[:1], run_type="manual", conf={}, by="ada")
    )
    assert again == [None]
    assert list(await engine.run_states()) == ["a", "b"]


def _dag(tx: Tx) -> dags.DagRow:
    found = dags.find(tx, "d")
    assert found is not None
    return found


async def _make(engine: HandEngine, number: int) -> list[RunRow | None]:
    existing = len(await engine.run_states())
    now = engine.clock.now()
    asked = [
        NewRun(f"r{existing + place}", now + timedelta(days=existing + place), None, now) for place in range(number)
    ]

    def work(tx: Tx) -> list[RunRow | None]:
        return make_runs(tx, _dag(tx), asked, run_type="manual", conf={}, by="ada")

    return await engine.store.write(work)
