"""From the event of an asset to the runs of those who wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from bide.control.accept_event import accept_outcome
from bide.control.pause_dag import pause_dag
from bide.control.record_assets import NewEvent, record_events
from bide.engine.scheduler.deliver_along import DeliverAlong
from bide.engine.scheduler.duties.start_runs import StartRuns
from bide.engine.scheduler.start_along import StartAlong
from bide.model.assets import AssetCondition, AssetMention, AssetSpec, Policy
from bide.model.dag_spec import DagSpec, ScheduleSpec
from bide.model.values import encode
from bide.store import Tx, asset_reading, old_history
from bide.store.schema import asset_delivery, asset_mark, dag_run, task_instance
from bide.wire.asset_messages import AssetEvents, GetAssetEvents, GetTriggeringEvents, MadeEvent
from bide.wire.messages import Outcome
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, begin_session

pytestmark = pytest.mark.usefixtures("no_blocking")


def one(name: str) -> AssetCondition:
    return AssetCondition("one", AssetMention("asset", name, name))


def consumer(
    dag_id: str = "consumer", on: AssetCondition | None = None, policy: Policy = "batch", **fields: object
) -> DagSpec:
    condition = on or one("a")
    fields.setdefault("max_active_runs", 1_000)
    return dag_spec(
        dag_id,
        {f"use_{dag_id}": []},
        schedule=ScheduleSpec(assets=condition, asset_policy=policy, text=str(condition)),
        **fields,  # type: ignore[arg-type]
    )


def producer(*names: str) -> DagSpec:
    outlets = tuple(AssetMention("asset", name, name) for name in names)
    return dag_spec(
        "producer",
        {"make": []},
        tasks={"make": {"outlets": outlets}},
        assets=tuple(AssetSpec(name, name) for name in names),
    )


def made(name: str, extra: object = None, *aliases: str) -> MadeEvent:
    extra = {} if extra is None else extra
    return MadeEvent(AssetMention("asset", name, name), AssetSpec(name, name), encode(extra, what="extra"), aliases)


async def emit(engine: HandEngine, *names: str) -> None:
    """Somebody says that there is an event of each of these."""
    engine.clock.advance(0.001)
    await engine.store.write(lambda tx: record_events(tx, [NewEvent(AssetSpec(name, name)) for name in names]))


async def runs_of(engine: HandEngine, dag_id: str = "consumer") -> list[list[str]]:
    """The names of the assets whose events each run of a DAG has, the runs in their order."""

    def work(tx: Tx) -> list[list[str]]:
        uids = tx.conn.execute(
            sa.select(dag_run.c.uid).where(dag_run.c.dag_id == dag_id).order_by(dag_run.c.uid)
        ).scalars()
        return [[one.name for one in asset_reading.of_run(tx, uid)] for uid in uids.all()]

    return await engine.store.read(work)


async def finish_all(engine: HandEngine) -> None:
    started = await engine.start()
    while started:
        for task in list(engine.executor.started.values()):
            await engine.end(task)
        started = await engine.start()


async def test_the_success_of_a_task_starts_a_run_and_its_failure_does_not(engine: HandEngine) -> None:
    await engine.register(producer("a"))
    await engine.register(consumer())
    await engine.create("producer")
    await engine.finish("make", events=(made("a", {"rows": 3}),))
    assert await runs_of(engine) == [["a"]]
    task = engine.started("use_consumer")
    assert (task.run.run_type, task.run.logical_date) == ("asset_triggered", None)
    reply = await engine.ask(task, GetTriggeringEvents())
    assert isinstance(reply, AssetEvents)
    (event,) = reply.events
    assert (event.asset.name, event.extra, event.source_dag_id, event.source_task_id) == (
        "a",
        b'{"rows":3}',
        "producer",
        "make",
    )
    await engine.create("producer")
    await engine.finish("make", "failed", may_retry=False)
    assert await runs_of(engine) == [["a"]]


async def test_all_needs_an_event_of_each_and_any_one_of_some(engine: HandEngine) -> None:
    await engine.register(consumer("both", AssetCondition("all", parts=(one("a"), one("b")))))
    await engine.register(consumer("either", AssetCondition("any", parts=(one("a"), one("b")))))
    await emit(engine, "a")
    await finish_all(engine)
    assert (await runs_of(engine, "both"), await runs_of(engine, "either")) == ([], [["a"]])
    await emit(engine, "a")
    await finish_all(engine)
    await emit(engine, "b")
    await finish_all(engine)
    assert await runs_of(engine, "both") == [["a", "a", "b"]]
    assert await runs_of(engine, "either") == [["a"], ["a"], ["b"]]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("each", [["a"], ["a"], ["a"], ["a"]]),
        ("batch", [["a"], ["a", "a", "a"]]),
        ("latest", [["a"], ["a"]]),
    ],
)
async def test_what_comes_while_a_run_waits_to_begin(
    engine: HandEngine, policy: Policy, expected: list[list[str]]
) -> None:
    await engine.register(consumer(policy=policy, max_active_runs=1))
    await emit(engine, "a")
    await engine.start()
    for _ in range(3):
        await emit(engine, "a")
        await engine.start()
    await finish_all(engine)
    assert await runs_of(engine) == expected
    newest = await engine.store.read(
        lambda tx: tx.conn.execute(
            sa.select(asset_delivery.c.event_uid).order_by(asset_delivery.c.event_uid.desc()).limit(1)
        ).scalar_one()
    )
    had = sa.select(sa.func.max(asset_delivery.c.event_uid)).where(asset_delivery.c.run_uid.is_not(None))
    last = await engine.store.read(lambda tx: tx.conn.execute(had).scalar_one())
    assert newest == last, "the newest event is among those that a run has"


async def test_k19_each_event_reaches_each_consumer_once(engine: HandEngine) -> None:
    """K19: by two hundred events at the same time, of which some are looked at again and again."""
    await engine.register(consumer("first", policy="each"))
    await engine.register(consumer("second", policy="each"))
    await emit(engine, *["a"] * 200)
    await engine.settle()
    assert await runs_of(engine, "first") == [["a"]] * 200
    assert await runs_of(engine, "second") == [["a"]] * 200
    # Looked at once more, nothing comes of it.
    await engine.store.write(
        lambda tx: tx.conn.execute(sa.insert(asset_mark), [{"dag_id": "first"}, {"dag_id": "second"}]) and None
    )
    await engine.settle()
    assert len(await runs_of(engine, "first")) == 200


async def test_a_paused_dag_misses_events_unless_it_catches_up(engine: HandEngine) -> None:
    await engine.register(consumer("misses"))
    await engine.register(consumer("keeps", catchup=True, start_date=datetime(2026, 1, 1, tzinfo=UTC)))
    for dag_id in ("misses", "keeps"):
        await pause_dag(engine.store, dag_id, True, by="test")
    await emit(engine, "a")
    await emit(engine, "a")
    for dag_id in ("misses", "keeps"):
        await pause_dag(engine.store, dag_id, False, by="test")
    await finish_all(engine)
    assert (await runs_of(engine, "misses"), await runs_of(engine, "keeps")) == ([], [["a", "a"]])


async def test_a_dag_that_waits_for_something_else_now_forgets_what_it_had(engine: HandEngine) -> None:
    both = AssetCondition("all", parts=(one("a"), one("b")))
    await engine.register(consumer(on=both))
    await emit(engine, "a")
    await engine.settle()
    await engine.register(consumer(on=AssetCondition("all", parts=(one("b"), one("c")))))
    await emit(engine, "b")
    await engine.settle()
    assert await runs_of(engine) == []
    # Of what is pending still, enough is there for the new version.
    await engine.register(consumer(on=one("b")))
    await engine.settle()
    assert await runs_of(engine) == [["b"]]


async def test_an_alias_stands_for_what_was_added_by_it(engine: HandEngine) -> None:
    by_alias = AssetCondition("one", AssetMention("alias", "x"))
    await engine.register(producer())
    await engine.register(consumer(on=by_alias))
    await emit(engine, "a")
    await engine.create("producer")
    await engine.finish("make", events=(made("a", None, "x"),))
    await finish_all(engine)
    assert await runs_of(engine) == [["a"]]
    # From now on the asset is found by the alias, whoever makes its events.
    await emit(engine, "a")
    await finish_all(engine)
    assert await runs_of(engine) == [["a"], ["a"]]


async def test_a_task_that_ends_without_a_worker_makes_its_events(engine: HandEngine) -> None:
    await engine.register(producer("a"))
    await engine.register(consumer())
    await engine.create("producer")
    await engine.defer("make", method=None)
    (waiting,) = await engine.waits()
    assert await accept_outcome(engine.store, waiting["uid"], waiting["token"], Outcome("success", b'"success"'))
    await engine.settle()
    assert await runs_of(engine) == [["a"]]


async def test_events_of_an_inlet_are_read_by_time(engine: HandEngine) -> None:
    await engine.register(dag_spec("reader", {"read": []}))
    moments: list[float] = []
    for _ in range(3):
        await emit(engine, "a")
        moments.append(engine.clock.now().timestamp())
    await engine.create("reader")
    await engine.start()
    task = engine.started("read")

    async def ask(**fields: object) -> Sequence[float]:
        asked = GetAssetEvents(AssetMention("name", "a"), **fields)  # type: ignore[arg-type]
        reply = await engine.ask(task, asked)
        assert isinstance(reply, AssetEvents)
        return [round(event.timestamp, 3) for event in reply.events]

    rounded = [round(moment, 3) for moment in moments]
    assert await ask() == rounded
    assert await ask(ascending=False, limit=1) == rounded[-1:]
    assert await ask(after=moments[1]) == rounded[1:]
    assert await ask(before=moments[1]) == rounded[:2]


async def test_a_dag_that_may_have_no_such_runs_gets_none(engine: HandEngine) -> None:
    await engine.register(consumer(allowed_run_types=("manual",)))
    await emit(engine, "a")
    await engine.settle()
    assert await runs_of(engine) == []
    pending = await engine.store.read(
        lambda tx: tx.conn.execute(sa.select(asset_delivery.c.passed_over)).scalars().all()
    )
    assert list(pending) == [True]


async def test_nothing_is_left_to_look_at(engine: HandEngine) -> None:
    await engine.register(consumer())
    await emit(engine, "a")
    await finish_all(engine)
    marks = await engine.store.read(lambda tx: tx.conn.execute(sa.select(asset_mark.c.id)).all())
    states = await engine.store.read(lambda tx: tx.conn.execute(sa.select(task_instance.c.state)).scalars().all())
    assert (list(marks), list(states)) == ([], ["success"])


async def test_old_events_go_once_no_run_has_them(engine: HandEngine) -> None:
    await engine.register(consumer("both", AssetCondition("all", parts=(one("a"), one("b")))))
    await engine.register(consumer("latest", policy="latest", max_active_runs=1))
    await emit(engine, "a")
    await emit(engine, "a")
    await emit(engine, "c")
    await finish_all(engine)
    later = engine.clock.now() + timedelta(days=1)

    def clean(tx: Tx) -> tuple[int, int]:
        number = old_history.count_others(tx, "asset_event", later)
        return number, old_history.delete_others(tx, "asset_event", later, 100)

    # One of `a` waits for `b`, one is had by a run, and nobody has anything to do with `c`.
    assert await engine.store.write(clean) == (1, 1)
    await emit(engine, "b")
    await finish_all(engine)
    assert await runs_of(engine, "both") == [["a", "a", "b"]]
    await engine.store.write(lambda tx: tx.conn.execute(sa.delete(dag_run)) and None)
    assert await engine.store.write(clean) == (3, 3)


async def test_a_run_begins_with_the_commit_of_its_event(engine: HandEngine) -> None:
    """So does its first task, for whoever begins what is scheduled by a commit."""
    await engine.register(consumer(policy="each"))
    starts = StartRuns(engine.store, engine.scope)
    session = await begin_session(engine.store)
    engine.store.follow(DeliverAlong(session))
    engine.store.follow(StartAlong(session, starts))
    rung = engine.store.bell.listen("assets")
    await emit(engine, "a")
    assert await engine.states() == {"use_consumer": "scheduled"}
    assert not await rung.wait(0), "nobody need be woken"
    # A commit makes only so many along; the rest is left to the duty.
    await emit(engine, *["a"] * 50)
    assert 1 < len(await runs_of(engine)) < 51
    assert await rung.wait(1)
    await engine.settle()
    assert await runs_of(engine) == [["a"]] * 51
