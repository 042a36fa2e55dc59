"""How jobs outside are lost or doubled elsewhere, and are not here; K01 and K07 are names of such failures.

A worker keeps its job as the trigger that would wait for it: class path and arguments. These tests speak for the
worker; :mod:`tests.unit.testing.test_jobs` has the operators, `tests/faults` the processes.
"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bide.control.accept_event import fail_wait
from bide.control.cancel_external import claim_obligations, settle_obligation
from bide.control.cancel_run import cancel_run
from bide.control.cancel_wait import cancel_wait
from bide.control.clear_tasks import clear_tasks
from bide.control.lose_task import lose_task, rescue_lost
from bide.control.mark_tasks import mark_tasks
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import TaskState
from bide.store.runs import RunRow
from bide.store.schema import cancel_obligation
from bide.wire.kept import GetTaskState, SetTaskState, TaskStateValue
from bide.wire.messages import Ok, RunTask, WaitSpec
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")

PATH = "jobs.Sweep.SweepTrigger"
JOB = b'{"key": "k", "job": "job-1"}'
#: The wait for it.
WAIT = WaitSpec("poll", PATH, JOB, interval=5.0, subject="Sweep job-1", has_on_kill=True)


async def submitted(engine: HandEngine, **fields: Any) -> RunRow:
    """A run whose task ``a`` runs and has kept a job."""
    run = await engine.run_of(dag_spec("d", {"a": []}, each={"retries": 1, "retry_delay": 0.0, **fields}))
    await engine.start()
    assert await engine.ask(engine.started("a"), SetTaskState("job", PATH, JOB)) == Ok()
    return run


async def kept(engine: HandEngine, task: RunTask | None = None) -> object:
    """What the running try knows of a job."""
    return await engine.ask(task or engine.started("a"), GetTaskState("job", PATH))


async def obligations(engine: HandEngine) -> list[sa.RowMapping]:
    query = sa.select(cancel_obligation)
    return await engine.store.read(lambda tx: list(tx.conn.execute(query).mappings()))


async def carry_out(engine: HandEngine) -> None:
    """Do the one cancel there is, as a triggerer does: with the arguments that were kept."""
    (one,) = await claim_obligations(engine.store, engine.session, 5, logs=engine.logs)
    assert (one.load.classpath, one.load.kwargs, one.load.kind) == (PATH, JOB, "poll")
    await settle_obligation(engine.store, engine.session, one)


async def end_by_force(engine: HandEngine, run: RunRow, how: str) -> None:
    """End the try, and see to it that there is another one."""
    which = {"which_runs": RunChoice(run_ids=frozenset({run.run_id})), "which_tasks": TaskChoice(), "by": "ada"}
    if how == "mark":
        await mark_tasks(engine.store, "d", state=TaskState.FAILED, **which)  # type: ignore[arg-type]
    elif how == "cancel the run":
        await cancel_run(engine.store, "d", run.run_id, by="ada")
    elif how == "execution timeout":
        engine.clock.advance(1801.0)
        await engine.settle()
        return
    elif how == "deferral timeout":
        engine.clock.advance(61.0)
        await engine.settle()
        return
    elif how == "cancel the wait":
        await cancel_wait(engine.store, (await engine.instance("a"))["uid"], by="ada")
    assert how == "clear" or len(await obligations(engine)) == 1
    await clear_tasks(engine.store, "d", **which)  # type: ignore[arg-type]


HOWS = ["clear", "mark", "cancel the run", "execution timeout"]


@pytest.mark.parametrize("how", [*HOWS, "deferral timeout", "cancel the wait"])
async def test_k01_the_job_of_a_waiting_task_is_cancelled_once(engine: HandEngine, how: str) -> None:
    """K01: by its wait; what was kept of the job adds nothing to that, and no try goes on with it."""
    run = await submitted(engine, execution_timeout=1800.0)
    await engine.defer("a", WAIT, timeout=60.0 if how == "deferral timeout" else None)
    await end_by_force(engine, run, how)
    await carry_out(engine)
    assert [task.try_number for task in (await engine.start()).values()] == [2]
    assert await kept(engine) == TaskStateValue(None)


@pytest.mark.parametrize("how", HOWS)
async def test_k01_the_job_of_a_running_task_is_cancelled(engine: HandEngine, how: str) -> None:
    """K01: also if its worker is killed so hard that it can do nothing, and the engine dies right after."""
    run = await submitted(engine, execution_timeout=1800.0)
    await end_by_force(engine, run, how)
    await engine.lose_engine()
    await engine.settle()
    assert await engine.start() == {}, "not before the job is cancelled"
    await carry_out(engine)
    assert [task.try_number for task in (await engine.start()).values()] == [2]
    assert await kept(engine) == TaskStateValue(None)


@pytest.mark.parametrize("how", ["clear", "deferral timeout"])
async def test_k01_a_job_that_only_a_callback_ends_is_cancelled(engine: HandEngine, how: str) -> None:
    """K01: its wait is a row that knows nothing of the job."""
    run = await submitted(engine)
    signal = WaitSpec("signal", "bide.SignalTrigger", b"{}", signal="default", subject="signal default")
    await engine.defer("a", signal, timeout=60.0)
    await end_by_force(engine, run, how)
    await carry_out(engine)


async def test_k01_a_job_that_waits_for_its_next_try_is_cancelled(engine: HandEngine) -> None:
    """K01: it was left running for a try that is cleared before it began."""
    run = await submitted(engine, retry_delay=600.0)
    await engine.finish("a", "failed")
    assert (await engine.instance("a"))["state"] == "up_for_retry"
    await end_by_force(engine, run, "clear")
    await carry_out(engine)


async def test_k01_a_job_that_a_failed_task_has_left_is_cancelled_by_a_clear(engine: HandEngine) -> None:
    run = await submitted(engine, retries=0)
    await engine.finish("a", "failed")
    assert await obligations(engine) == [], "nobody has ended it by force"
    await end_by_force(engine, run, "clear")
    await carry_out(engine)


async def test_k01_a_task_that_has_succeeded_has_no_job(engine: HandEngine) -> None:
    run = await submitted(engine)
    await engine.finish("a")
    await end_by_force(engine, run, "clear")
    assert await obligations(engine) == []
    await engine.start()
    assert await kept(engine) == TaskStateValue(None)


@pytest.mark.parametrize("death", ["worker", "engine", "looks"])
async def test_k07_a_crash_leaves_the_job_for_the_next_try(engine: HandEngine, death: str) -> None:
    """K07: a worker or an engine that dies, looks that fail too often: nothing is cancelled or submitted again."""
    await submitted(engine)
    task = engine.started("a")
    if death == "worker":
        assert await lose_task(engine.store, task.instance.id, task.epoch, error="it died")
        del engine.executor.started[task.instance.id]
    elif death == "engine":
        await engine.lose_engine()
        await rescue_lost(engine.store, engine.session)
    else:
        await engine.defer("a", WAIT)
        (row,) = await engine.waits()
        assert await fail_wait(engine.store, row["uid"], row["token"], "503")
    again = (await engine.start())["a"]
    assert again.try_number == (1 if death == "engine" else 2)
    assert await obligations(engine) == []
    assert await kept(engine, again) == TaskStateValue(JOB)
    stale = await engine.ask(task, SetTaskState("job", PATH, b"{}"))
    assert getattr(stale, "fenced", False), "the old worker, should it live, changes nothing"


async def test_what_a_task_writes_down_itself_is_no_job(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"a": []}))
    await engine.start()
    await engine.ask(engine.started("a"), SetTaskState("user", PATH, JOB))
    await end_by_force(engine, run, "clear")
    assert await obligations(engine) == []
