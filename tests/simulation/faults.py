"""What fails, and what people do meanwhile."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final

from bide.control.cancel_run import cancel_run
from bide.control.clear_tasks import clear_tasks
from bide.control.keep_session import end_session
from bide.control.lose_task import give_back, lose_task
from bide.control.mark_tasks import MARKS, mark_tasks
from bide.control.send_signal import send_signal
from bide.model.errors import Conflict, NotFound
from bide.model.selection import RunChoice, TaskChoice
from tests.simulation.world import DAG, LOST_AFTER, SIGNALS, Engine, World


async def worker(world: World) -> None:
    """A worker dies alone."""
    engine = world.an_engine()
    if engine.executor.started and world.reaches(engine):
        task = world.random.choice(list(engine.executor.started.values()))
        world.say(f"worker of {task.instance.task_id} dies")
        del engine.executor.started[task.instance.id]
        await lose_task(world.store, task.instance.id, task.epoch, error="its process has died")


async def kill(world: World) -> None:
    """An engine is killed; what it and its workers had sent may be lost or come late."""
    engine = world.an_engine()
    world.say(f"engine {engine.name} killed")
    world.network = [one for one in world.network if one.sender is not engine or world.random.random() < 0.7]
    world.engines.remove(engine)
    await world.new_engine()


async def cut(world: World) -> None:
    """An engine does not reach the store for a while, and goes on all the same."""
    engine = world.an_engine()
    seconds = world.random.choice((1.0, 3.0, 15.0))
    world.say(f"engine {engine.name} cut off for {seconds:g} s")
    engine.cut_until = world.clock.monotonic() + seconds


async def pause(world: World) -> None:
    """An engine stands still until others take it for dead, and goes on where it was: it takes work at once."""
    engine = world.an_engine()
    world.say(f"engine {engine.name} stands still")
    engine.cut_until = math.inf
    await world.pass_time(world.random.choice((1.0, 2.0, 3.0)) * LOST_AFTER)
    if engine not in world.engines:
        return
    engine.cut_until = 0.0
    world.say(f"engine {engine.name} goes on")
    steps = [world.claim, world.start, world.cancel_work, world.queue]
    for step in world.random.sample(steps, world.random.randint(1, len(steps))):
        await world.as_engine(engine, step)
    await world.do_work()
    await world.do_fire()


async def stop(world: World) -> None:
    """An engine stops in good order, and another one starts."""

    async def step(engine: Engine) -> None:
        world.say(f"engine {engine.name} stops")
        await give_back(world.store, engine.executor.queued)
        world.engines.remove(engine)
        await end_session(world.store, engine.session)
        await world.new_engine()

    await world.as_engine(world.an_engine(), step)


async def person(world: World) -> None:
    """Somebody clears, marks, cancels or signals."""
    runs, tasks = _chosen(world)
    what = world.random.choice(("clear", "clear", "mark", "cancel", "signal", "signal"))
    world.say(f"a person: {what} {sorted(tasks.task_ids or ())}")
    try:
        if what == "clear":
            await clear_tasks(world.store, DAG, which_runs=runs, which_tasks=tasks, by="ann")
        elif what == "mark":
            state = world.random.choice(MARKS)
            await mark_tasks(world.store, DAG, which_runs=runs, which_tasks=tasks, state=state, by="ann")
        elif what == "cancel":
            await cancel_run(world.store, DAG, next(iter(runs.run_ids or ())), by="ann")
        else:
            await _signal(world)
    except (Conflict, NotFound) as error:
        world.say(f"refused: {error}")


def _chosen(world: World) -> tuple[RunChoice, TaskChoice]:
    rows = world.instances()
    one = world.random.choice(rows)
    return (
        RunChoice(run_ids=frozenset({one["run_id"]})),
        TaskChoice(task_ids=frozenset({one["task_id"]}), downstream=world.random.random() < 0.5),
    )


async def _signal(world: World) -> None:
    one = world.random.choice(world.instances())
    await send_signal(world.store, one["uid"], world.random.choice(SIGNALS), b"1", by="ann")


#: Each is as likely as the others.
ALL: Final[tuple[Callable[[World], Awaitable[None]], ...]] = (worker, kill, cut, pause, stop, person, person)
