"""Watchers of assets on a store: kept by difference, leased, their events stored once, stopped with their DAGs."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from bide.control.accept_event import WaitEnding, accept_many
from bide.control.claim_waits import held_waits, release_waits
from bide.control.clean_history import Cleaning, clean_history
from bide.control.keep_session import end_session
from bide.control.pause_dag import pause_dag
from bide.control.register_file import forget_file, register_file
from bide.control.watch_assets import claim_watchers, next_retry
from bide.model.assets import AssetCondition, AssetMention
from bide.model.dag_spec import DagSpec, ScheduleSpec
from bide.model.retention import Keep, Retention
from bide.model.values import encode
from bide.model.watchers import WatcherState
from bide.store import watcher_views
from bide.store.schema import asset_event, asset_watcher
from bide.store.streams import save_checkpoint
from bide.store.watcher_views import WatcherView
from bide.wire.messages import Outcome, TriggerLoad, WaitSpec
from bide.wire.parser_messages import WatcherSpec
from bide.wire.stream_messages import MessageKey
from bide.wire.trigger_messages import FurtherEvent
from tests.support.dag_specs import FOLDER, dag_spec, parsed
from tests.support.hand_engine import HandEngine, begin_session

pytestmark = pytest.mark.usefixtures("no_blocking")

QUEUE = WaitSpec("stream", "triggers.Queue", b'{"topic":"orders"}', subject="queue orders")


def consumer(dag_id: str = "consumer", asset: str = "a", **fields: object) -> DagSpec:
    condition = AssetCondition("one", AssetMention("asset", asset, asset))
    schedule = ScheduleSpec(assets=condition, asset_policy="each", text=asset)
    return dag_spec(dag_id, {f"use_{dag_id}": []}, schedule=schedule, max_active_runs=1_000, **fields)  # type: ignore[arg-type]


def watched(dag_id: str = "consumer", name: str = "w", trigger: WaitSpec = QUEUE, asset: str = "a") -> WatcherSpec:
    return WatcherSpec(dag_id, asset, asset, name, trigger)


async def register(
    engine: HandEngine, *specs: DagSpec, by: Sequence[WatcherSpec] = (), path: str | None = None
) -> None:
    engine.clock.advance(0.001)
    await register_file(
        engine.store,
        parsed(*specs, watchers=tuple(by), path=path or specs[0].file),
        folder=FOLDER,
        paused_at_creation=False,
        is_file=lambda path: True,
    )


async def claim(engine: HandEngine, session: str | None = None, limit: int = 100) -> list[TriggerLoad]:
    engine.clock.advance(0.001)
    return await claim_watchers(engine.store, session or engine.session, limit, logs=engine.logs)


def event(load: TriggerLoad, payload: object, key: str | None = None, **fields: object) -> WaitEnding:
    outcome = Outcome("event", encode(payload, what="payload"), key=key)
    return WaitEnding(load.wait_id, load.token, outcome, asks=True, on=True, **fields)  # type: ignore[arg-type]


async def views(engine: HandEngine) -> list[WatcherView]:
    return await engine.store.read(watcher_views.list_watchers)


async def states(engine: HandEngine) -> list[WatcherState]:
    return [one.state for one in await views(engine)]


async def extras(engine: HandEngine) -> list[bytes]:
    query = sa.select(asset_event.c.extra).order_by(asset_event.c.uid)
    return await engine.store.read(lambda tx: list(tx.conn.execute(query).scalars()))


@pytest.fixture(autouse=True)
async def session(engine: HandEngine) -> None:
    engine.session = await begin_session(engine.store)


async def test_each_event_of_a_watcher_starts_a_run(engine: HandEngine) -> None:
    await register(engine, consumer(), by=[watched()])
    assert await states(engine) == ["waiting"]
    (load,) = await claim(engine)
    assert (load.kind, load.classpath, load.kwargs, load.many) == ("stream", "triggers.Queue", QUEUE.kwargs, True)
    assert (load.dag_file, load.dag_folder) == (f"{FOLDER}/consumer.py", FOLDER)
    assert load.log_path == str(engine.logs.root / "@asset_watchers/a/w.log")
    assert await accept_many(engine.store, [event(load, {"id": 7}), event(load, None)]) == {load.wait_id}
    assert await extras(engine) == [
        b'{"from_trigger":true,"payload":{"id":7}}',
        b'{"from_trigger":true,"payload":null}',
    ]
    await engine.start()
    assert len(engine.executor.started) == 2
    (view,) = await views(engine)
    row = view.watched.watcher
    assert (view.state, view.dag_ids, row.events, row.duplicates) == ("watching", ["consumer"], 2, 0)
    assert await held_waits(engine.store, engine.session) == {load.wait_id}


async def test_k18_an_event_with_a_key_is_stored_once(engine: HandEngine) -> None:
    """K18: also under another lease, or by a changed trigger of that name."""
    await register(engine, consumer(), by=[watched()])
    (load,) = await claim(engine)
    await accept_many(engine.store, [event(load, 1, "0/7"), event(load, 1, "0/7"), event(load, 1, "0/8")])
    await release_waits(engine.store, engine.session)
    (again,) = await claim(engine)
    assert again.token > load.token
    assert await accept_many(engine.store, [event(load, 1, "0/9")]) == set(), "under the old lease"
    assert await accept_many(engine.store, [event(again, 1, "0/8")]) == {again.wait_id}
    changed = WaitSpec("stream", "triggers.Queue", b'{"topic":"others"}')
    await register(engine, consumer(), by=[watched(trigger=changed)])
    (other,) = await claim(engine)
    await accept_many(engine.store, [event(other, 1, "0/7"), event(other, 1, "0/10")])
    assert len(await extras(engine)) == 3
    (view,) = await views(engine)
    assert (view.watched.watcher.events, view.watched.watcher.duplicates) == (1, 1)


async def test_k18_events_that_come_together_are_stored_together_and_once(engine: HandEngine) -> None:
    """K18: whichever of them is there already, and with one run for each that is not."""
    await register(engine, consumer(), by=[watched()])
    (load,) = await claim(engine)
    await accept_many(engine.store, [event(load, 0, "0")])
    more = tuple(
        FurtherEvent(Outcome("event", encode(number, what="payload"), key=key))
        for number, key in ((0, "0"), (2, "2"), (1, "1"), (3, None), (3, None))
    )
    assert await accept_many(engine.store, [event(load, 1, "1", more=more)]) == {load.wait_id}
    assert [json.loads(extra)["payload"] for extra in await extras(engine)] == [0, 1, 2, 3, 3]
    (view,) = await views(engine)
    assert (view.watched.watcher.events, view.watched.watcher.duplicates) == (5, 2)
    await engine.settle()
    assert len(await engine.run_states()) == 5


async def test_k18_a_message_of_a_queue_is_one_event_of_all_that_share_it(engine: HandEngine) -> None:
    """K18"""
    await register(engine, consumer(), by=[watched(name="one"), watched(name="two")])
    one, two = sorted(await claim(engine), key=lambda load: load.log_path)
    message = MessageKey("group", "ab" * 32)
    fields = {"message": message, "written_at": engine.clock.now().timestamp() - 1.5}
    assert await accept_many(engine.store, [event(one, 1, "m", **fields)]) == {one.wait_id}
    assert await accept_many(engine.store, [event(two, 1, "m", **fields)]) == {two.wait_id}
    assert len(await extras(engine)) == 1
    rows = [view.watched.watcher for view in await views(engine)]
    assert [(row.events, row.duplicates) for row in rows] == [(1, 0), (0, 1)]
    assert [round(row.lag or 0.0, 2) for row in rows] == [1.5, 1.5]


async def test_k21_a_parse_touches_no_watcher_that_is_there_already(engine: HandEngine) -> None:
    """K21: neither with a new version of the DAG, nor in another file that has the same asset."""
    await register(engine, consumer(), by=[watched()])
    (load,) = await claim(engine)
    before = await views(engine)
    await register(engine, consumer(), by=[watched()])
    await register(engine, consumer(description="changed"), by=[watched()])
    await register(engine, consumer("second"), by=[watched("second")])
    assert await claim(engine) == []
    assert await held_waits(engine.store, engine.session) == {load.wait_id}
    (after,) = await views(engine)
    assert after.watched == before[0].watched
    assert after.dag_ids == ["consumer", "second"]


async def test_another_trigger_is_another_watcher_and_none_is_none(engine: HandEngine) -> None:
    await register(engine, consumer(), by=[watched(), watched(name="stays")])
    loads = {load.log_path.rpartition("/")[2]: load.wait_id for load in await claim(engine)}
    drops = engine.store.bell.listen("drops")
    changed = WaitSpec("poll", "triggers.Look", b"{}", interval=5.0)
    await register(engine, consumer(), by=[watched(trigger=changed), watched(name="stays")])
    assert await drops.wait(1.0), "the one that is gone is to be stopped"
    assert await held_waits(engine.store, engine.session) == {loads["stays.log"]}
    (load,) = await claim(engine)
    assert (load.kind, load.interval) == ("poll", 5.0)
    await register(engine, consumer())
    assert await views(engine) == []


async def test_a_watcher_runs_while_one_of_its_dags_is_not_paused(engine: HandEngine) -> None:
    await register(engine, consumer(), by=[watched()])
    await register(engine, consumer("second"), by=[watched("second")])
    (load,) = await claim(engine)
    await pause_dag(engine.store, "consumer", True, by="test")
    assert await states(engine) == ["watching"]
    drops = engine.store.bell.listen("drops")
    await pause_dag(engine.store, "second", True, by="test")
    assert await drops.wait(1.0)
    assert await states(engine) == ["paused"]
    assert await held_waits(engine.store, engine.session) == set()
    assert await accept_many(engine.store, [event(load, 1)]) == set(), "it was stopped"
    assert await claim(engine) == []
    rung = engine.store.bell.listen("watchers")
    await pause_dag(engine.store, "consumer", False, by="test")
    assert await rung.wait(1.0)
    assert [one.wait_id for one in await claim(engine)] == [load.wait_id]
    await forget_file(engine.store, f"{FOLDER}/consumer.py")
    (view,) = await views(engine)
    assert (view.state, view.dag_ids) == ("paused", ["second"]), "the file is gone, and the other DAG is paused"
    await forget_file(engine.store, f"{FOLDER}/second.py")
    assert await views(engine) == []


async def test_a_watcher_that_no_dag_has_any_more_goes_with_old_history(engine: HandEngine) -> None:
    """With its counts; one whose DAG is only paused stays."""
    await register(engine, consumer(), by=[watched()])
    await register(engine, consumer("paused"), by=[watched("paused", name="other")])
    await pause_dag(engine.store, "paused", paused=True, by="ada")
    await forget_file(engine.store, f"{FOLDER}/consumer.py")
    month = Cleaning(Retention(Keep(30)), tables=("asset_watcher",))
    engine.clock.advance(29 * 86_400)
    assert (await clean_history(engine.store, month)).rows["asset_watcher"] == 0
    engine.clock.advance(2 * 86_400)
    assert (await clean_history(engine.store, month)).rows["asset_watcher"] == 1
    assert await states(engine) == ["paused"]
    await register(engine, consumer(), by=[watched()])
    assert sorted(await states(engine)) == ["paused", "waiting"]


async def test_what_fails_rests_longer_each_time_until_it_has_an_event(engine: HandEngine) -> None:
    await register(engine, consumer(), by=[watched()])
    for pause in (5.0, 10.0, 20.0):
        (load,) = await claim(engine)
        assert await accept_many(engine.store, [WaitEnding(load.wait_id, load.token, error="no broker")])
        assert await states(engine) == ["failed"]
        assert await claim(engine) == []
        due = await next_retry(engine.store)
        assert due is not None and (due - engine.clock.now()).total_seconds() == pytest.approx(pause, abs=0.1)
        (view,) = await views(engine)
        assert view.watched.watcher.error == "no broker"
        engine.clock.advance(pause)
    (load,) = await claim(engine)
    await accept_many(engine.store, [event(load, 1)])
    row = (await views(engine))[0].watched.watcher
    assert (row.failures, row.error) == (0, "")
    assert await accept_many(engine.store, [WaitEnding(load.wait_id, load.token)]), "it has come to its end"
    assert await states(engine) == ["waiting"]
    assert len(await claim(engine)) == 1, "it runs again at once"


async def test_an_unpaused_dag_has_its_failed_watchers_run_at_once(engine: HandEngine) -> None:
    await register(engine, consumer(), by=[watched()])
    (load,) = await claim(engine)
    await accept_many(engine.store, [WaitEnding(load.wait_id, load.token, error="no broker")])
    await pause_dag(engine.store, "consumer", True, by="test")
    await pause_dag(engine.store, "consumer", False, by="test")
    assert len(await claim(engine)) == 1


async def test_what_an_engine_leaves_behind_is_taken_by_the_next(engine: HandEngine) -> None:
    await register(engine, consumer(), by=[watched()])
    (load,) = await claim(engine)
    await end_session(engine.store, engine.session)
    second = HandEngine(engine.store, engine.clock, engine.logs.root)
    second.session = await begin_session(engine.store)
    (again,) = await claim(second)
    assert (again.wait_id, again.token > load.token) == (load.wait_id, True)


async def test_a_group_is_leased_to_one_engine(engine: HandEngine) -> None:
    shared = WaitSpec("stream", "triggers.Queue", b"{}", group_key="g" * 64)
    second = HandEngine(engine.store, engine.clock, engine.logs.root)
    second.session = await begin_session(engine.store)
    await register(
        engine, consumer(), by=[watched(name="one", trigger=shared), watched(name="two", trigger=shared)]
    )
    assert len(await claim(engine, limit=1)) == 1
    assert await claim(second) == []
    assert len(await claim(engine)) == 1


async def test_a_checkpoint_counts_when_all_of_its_group_are_here(engine: HandEngine) -> None:
    shared = WaitSpec("stream", "triggers.Queue", b"{}", group_key="g" * 64)
    await register(engine, consumer(), by=[watched(trigger=shared)])
    await register(engine, consumer("second"), by=[watched("second", name="two", trigger=shared)])

    async def save(members: int) -> bool:
        now = engine.clock.now()
        return await engine.store.write(
            lambda tx: save_checkpoint(tx, engine.session, "g" * 64, b"3", now, members)
        )

    assert not await save(2)
    await claim(engine)
    assert await save(2)
    assert not await save(1)
    await pause_dag(engine.store, "second", True, by="test")
    assert await save(1), "what is paused misses what comes meanwhile"
    await release_waits(engine.store, engine.session)
    (again,) = await claim(engine)
    assert again.checkpoint is not None and again.checkpoint.value == b"3"


async def test_arguments_are_sealed(engine: HandEngine) -> None:
    await register(engine, consumer(), by=[watched()])
    column = sa.column("kwargs", sa.LargeBinary)
    query = sa.select(column).select_from(sa.table(asset_watcher.name, column))
    (stored,) = await engine.store.read(lambda tx: list(tx.conn.execute(query).scalars()))
    assert b"orders" not in bytes(stored)
