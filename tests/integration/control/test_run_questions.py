"""What user code asks about runs and task instances."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bide.control.runner_requests import answer_waiting
from bide.wire.messages import AskInstances, AskRuns, Frame, InstancesFound, Refused, RunsFound, RunTask
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


def iso(number: int) -> str:
    return day(number).isoformat()


@pytest.fixture
async def asking(engine: HandEngine) -> RunTask:
    """The first task of the third of three daily runs, of which one has succeeded and one failed."""
    await engine.register(dag_spec("d", {"a": [], "b": ["a"]}))
    await engine.register(dag_spec("other"))
    await engine.create("other", run_id="theirs", logical_date=day(1))
    await engine.finish("a")
    await engine.settle()
    for number, end in ((1, "success"), (2, "failed")):
        await engine.create("d", run_id=f"day{number}", logical_date=day(number), conf={"n": number})
        await engine.finish("a", end)
        if end == "success":
            await engine.finish("b")
        await engine.settle()
    await engine.create("d", run_id="day3", logical_date=day(3))
    return (await engine.start())["a"]


async def runs(engine: HandEngine, task: RunTask, dag_id: str = "d", **asked: Any) -> list[tuple[str, str]]:
    found = await engine.ask(task, AskRuns(dag_id, **asked))
    assert isinstance(found, RunsFound)
    return [(one.run.run_id, one.state) for one in found.found]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["day3", "day2", "day1"]),
        ({"limit": 2}, ["day3", "day2"]),
        ({"run_ids": ("day1", "day3", "none")}, ["day3", "day1"]),
        ({"run_ids": ()}, []),
        ({"logical_dates": (iso(2), iso(9))}, ["day2"]),
        ({"first": iso(2)}, ["day3", "day2"]),
        ({"last": iso(2), "limit": 1}, ["day2"]),
        ({"states": ("failed", "success"), "first": iso(1), "last": iso(1)}, ["day1"]),
        ({"run_types": ("scheduled",)}, []),
        ({"dag_id": "other"}, ["theirs"]),
        ({"dag_id": "unknown"}, []),
    ],
)
async def test_runs_that_fit(engine: HandEngine, asking: RunTask, asked: dict[str, Any], found: list[str]) -> None:
    assert [run_id for run_id, _ in await runs(engine, asking, **asked)] == found


async def test_a_run_is_told_with_its_state_conf_and_end(engine: HandEngine, asking: RunTask) -> None:
    found = await engine.ask(asking, AskRuns("d", run_ids=("day2", "day3")))
    assert isinstance(found, RunsFound)
    assert [(one.state, one.run.conf, one.end_date is None) for one in found.found] == [
        ("running", b"{}", True),
        ("failed", b'{"n": 2}', False),
    ]


async def instances(
    engine: HandEngine, task: RunTask, *, asked: AskRuns, **wanted: Any
) -> list[tuple[str, str, str]]:
    found = await engine.ask(task, AskInstances(asked, **wanted))
    assert isinstance(found, InstancesFound)
    return [(one.run_id, one.task_id, one.state) for one in found.found]


async def test_instances_that_fit(engine: HandEngine, asking: RunTask) -> None:
    assert await instances(engine, asking, asked=AskRuns("d")) == [
        ("day3", "a", "running"),
        ("day3", "b", "none"),
        ("day2", "a", "failed"),
        ("day2", "b", "upstream_failed"),
        ("day1", "a", "success"),
        ("day1", "b", "success"),
    ]
    one = AskRuns("d", run_ids=("day2",))
    assert await instances(engine, asking, asked=one, task_ids=("b", "nosuch")) == [
        ("day2", "b", "upstream_failed")
    ]
    assert await instances(engine, asking, asked=one, states=("failed",)) == [("day2", "a", "failed")]
    assert await instances(engine, asking, asked=one, map_index=0) == []
    assert await instances(engine, asking, asked=one, group_id="nosuch") == []


async def test_an_instance_is_told_with_its_try_and_times(engine: HandEngine, asking: RunTask) -> None:
    found = await engine.ask(asking, AskInstances(AskRuns("d", run_ids=("day1",)), task_ids=("a",)))
    assert isinstance(found, InstancesFound)
    (one,) = found.found
    assert (one.map_index, one.try_number, one.pool, one.queue) == (-1, 1, "default_pool", "default")
    assert one.logical_date == iso(1)
    assert None not in (one.queued_at, one.start_date, one.end_date)


async def test_who_has_lost_its_task_is_told_nothing_but_a_trigger_may_ask_how_it_ended(
    engine: HandEngine, asking: RunTask
) -> None:
    question = AskInstances(AskRuns("d", run_ids=("day3",)), task_ids=("a",))
    await engine.finish("a")
    refused = await engine.ask(asking, question)
    assert isinstance(refused, Refused) and refused.fenced
    told = await answer_waiting(engine.store, Frame(question, 1, asking.instance.id, asking.epoch))
    assert isinstance(told, InstancesFound) and told.found[0].state == "success"
    told = await answer_waiting(engine.store, Frame(AskRuns("d"), 1, asking.instance.id, asking.epoch))
    assert isinstance(told, RunsFound) and len(told.found) == 3
