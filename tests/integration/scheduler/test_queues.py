"""Queues: engines that run the tasks of some only."""

from __future__ import annotations

import pytest

from bide.control.why_held import reasons_held
from bide.store import sessions
from bide.store.views import list_instances
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

SHAPE = {"plain": [], "theirs": [], "ours": []}
TASKS = {"theirs": {"queue": "team_a", "priority_weight": 100}, "ours": {"queue": "team_b"}}


async def test_an_engine_runs_tasks_of_its_queues_only(engine: HandEngine) -> None:
    engine.executor.slots = 2
    engine.queues = ["team_b", "default"]
    run = await engine.run_of(dag_spec("d", SHAPE, tasks=TASKS))
    await engine.start()
    assert await engine.states(run) == {"plain": "running", "theirs": "scheduled", "ours": "running"}
    engine.executor.slots, engine.queues = 10, ["team_a"]
    await engine.start()
    assert (await engine.states(run))["theirs"] == "running"


async def test_without_queues_it_runs_all(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", SHAPE, tasks=TASKS))
    await engine.start()
    assert set((await engine.states(run)).values()) == {"running"}


async def test_a_queue_that_nobody_serves_is_told(engine: HandEngine) -> None:
    async def held() -> dict[str, str]:
        rows, _ = await engine.store.read(list_instances)
        names = {row.uid: row.task_id for row in rows}
        found = await engine.store.read(lambda tx: reasons_held(tx, names))
        return {names[uid]: reason for uid, reason in found.items()}

    async def begin(queues: list[str] | None) -> None:
        await engine.store.write(
            lambda tx: sessions.begin(tx, kind="scheduler", hostname="here", pid=1, queues=queues)
        )

    engine.executor.slots = 0
    await engine.run_of(dag_spec("d", SHAPE, tasks=TASKS))
    await engine.settle()
    assert await held() == {}, "no engine runs: that is told elsewhere"
    await begin(["default", "team_b"])
    assert await held() == {"theirs": "no scheduler serves queue 'team_a': start one with --queues team_a"}
    await begin(None)
    assert await held() == {}
