"""One schedule from its seed to its verdict."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import Any, Final
from unittest.mock import patch

import sqlalchemy as sa

from bide.control.send_signal import send_signal
from bide.model.errors import Conflict
from bide.model.states import FINISHED, TRANSITIONS, TaskState
from bide.store import ids
from bide.store.schema import dag_run, mark, resume, task_event, wait
from tests.simulation import faults
from tests.simulation.limits import miscounted
from tests.simulation.world import Engine, World

#: Steps in which anything may fail.
STEPS: Final = 160
#: Shares of these steps that are faults, or done by people.
RATES: Final = (0.01, 0.03, 0.1)
#: Rounds after that in which everything must come to its end.
ROUNDS: Final = 400
#: After so many of them, somebody releases what is held.
PATIENCE: Final = 4

_CHANGES: Final = [(source, one.target, one.fences) for one in TRANSITIONS.values() for source in one.sources]
#: (from, to) of every legal change.
_LEGAL: Final = {(source, target) for source, target, _ in _CHANGES}
#: Those that may leave the epoch as it is.
_UNFENCED: Final = {(source, target) for source, target, fences in _CHANGES if not fences}


class Broken(AssertionError):
    """A schedule that ended as it must not, with what happened on the way."""


def run_schedule(seed: int) -> World:
    """Run the schedule of `seed`. Raises :class:`Broken`."""
    world = World(seed)
    # Ids are random bits too.
    bits = random.Random(seed)
    try:
        with patch.object(ids, "_source", ids._Source()), patch.object(ids.os, "urandom", bits.randbytes):
            asyncio.run(_run(world))
        problems = [*world.notes, *_problems(world)]
    except Exception as error:
        raise Broken(_report(seed, world, [f"{type(error).__name__}: {error}"])) from error
    if problems:
        raise Broken(_report(seed, world, problems))
    return world


async def _run(world: World) -> None:
    await world.begin()
    usual = [
        *[world.do_duty] * 6,
        *[world.do_start] * 3,
        *[world.do_begin] * 2,
        *[world.do_work] * 4,
        *[world.do_deliver] * 6,
        *[world.do_claim] * 3,
        *[world.do_fire] * 3,
        world.do_run,
        world.do_drop,
        world.do_cancel_work,
        world.do_time,
        world.do_time,
        *([world.do_reason] * 2 if world.reasons is not None else []),
    ]
    rate = world.random.choice(RATES)
    for _ in range(STEPS):
        if world.random.random() < rate:
            await world.random.choice(faults.ALL)(world)
        else:
            await world.random.choice(usual)()
        world.check_limits()
    await _come_to_rest(world)


async def _come_to_rest(world: World) -> None:
    """Nothing fails any more: all runs have to end."""
    world.is_faulty = False
    world.say("--- from here on nothing fails")
    for engine in world.engines:
        engine.cut_until = 0.0
    if world.reasons is not None:
        await world.reasons.come_to_rest(world.store, world.sim)
    for number in range(ROUNDS):
        for engine in list(world.engines):
            await world.as_engine(engine, partial(_turn, world))
            world.check_limits()
        if _is_over(world):
            return
        while world.network:
            await world.do_deliver()
        await _send_signals(world)
        if number % PATIENCE == PATIENCE - 1:
            await world.release_all()
        await world.pass_time(6.0)


async def _turn(world: World, engine: Engine) -> None:
    """All that an engine has to do."""
    for duty in world.duties(engine):
        while (await duty.run()).again:
            pass
    for step in (world.start, world.claim, world.cancel_work, world.drop):
        await step(engine)
    await world.do_work()
    await world.do_fire()


async def _send_signals(world: World) -> None:
    signals = sa.select(wait).where(wait.c.kind == "signal")
    rows = world.sim.look(lambda tx: tx.conn.execute(signals).mappings().all())
    for row in rows:
        if row["ended_at"] is None and world.random.random() < 0.3:
            with suppress(Conflict):  # another one has ended it just now
                await send_signal(world.store, row["instance_uid"], row["signal_name"], b"1", by="ann")


def _is_over(world: World) -> bool:
    states = world.sim.look(lambda tx: set(tx.conn.execute(sa.select(dag_run.c.state)).scalars()))
    return states <= {"success", "failed"} and (world.reasons is None or world.reasons.is_over(world.sim))


def _problems(world: World) -> list[str]:
    return [
        *_unfinished(world),
        *_left_over(world),
        *_illegal_history(world),
        *_accepted_twice(world),
        *_slots(world),
        *miscounted(world.sim),
        *(world.reasons.problems(world.sim) if world.reasons is not None else ()),
    ]


def _unfinished(world: World) -> list[str]:
    found = [
        f"{row['task_id']} of {row['run_id']} is still {row['state']}"
        for row in world.instances()
        if TaskState(row["state"]) not in FINISHED
    ]
    return found if _is_over(world) else [*found, "a run has not ended"]


def _left_over(world: World) -> list[str]:
    def look(tx: Any) -> list[str]:
        problems: list[str] = []
        for table in (wait, resume):
            count = tx.conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            if count:
                problems.append(f"{count} rows are left in {table.name}")
        live = sa.select(sa.func.count()).select_from(mark.join(dag_run, dag_run.c.uid == mark.c.run_uid))
        if tx.conn.execute(live.where(dag_run.c.state == "running")).scalar_one():
            problems.append("marks of a running run are left")
        counts = tx.conn.execute(sa.select(dag_run.c.run_id, dag_run.c.unfinished)).all()
        return problems + [f"{run_id} counts {count} unfinished" for run_id, count in counts if count]

    return world.sim.look(look)


def _illegal_history(world: World) -> list[str]:
    rows = world.sim.look(
        lambda tx: tx.conn.execute(
            sa.select(task_event.c.instance_uid, task_event.c.epoch, task_event.c.state).order_by(task_event.c.id)
        ).all()
    )
    histories: dict[str, list[tuple[int, TaskState]]] = defaultdict(list)
    for uid, epoch, state in rows:
        histories[uid].append((epoch, TaskState(state)))
    problems: list[str] = []
    for uid, history in histories.items():
        epoch, state = 0, TaskState.NONE
        for new_epoch, new_state in history:
            if (state, new_state) not in _LEGAL:
                problems.append(f"{uid}: {state} to {new_state} is no legal change")
            elif new_epoch < epoch or (new_epoch == epoch and (state, new_state) not in _UNFENCED):
                problems.append(f"{uid}: {state} to {new_state} went from epoch {epoch} to {new_epoch}")
            epoch, state = new_epoch, new_state
    starts = [(uid, epoch) for uid, history in histories.items() for epoch, state in history if state == "running"]
    if sorted(starts) != sorted(world.begun):
        problems.append("workers were given something else than what the history says has started")
    return problems


def _accepted_twice(world: World) -> list[str]:
    return [f"{count} events of wait {uid} were accepted" for uid, count in world.accepted.items() if count > 1]


def _slots(world: World) -> list[str]:
    return [
        f"engine {engine.name} still keeps slots for {[*engine.executor.queued, *engine.executor.started]}"
        for engine in world.engines
        if engine.executor.queued or engine.executor.started
    ]


def _report(seed: int, world: World, problems: list[str]) -> str:
    return "\n".join([f"seed {seed}:", *problems, "what happened:", *world.trace])
