"""An engine that a test drives by hand: real store, real duties, a held clock, and workers made of words.

engine = HandEngine(store, clock, tmp_path)
run = await engine.run_of(dag_spec("etl", {"a": [], "b": ["a"]}))
await engine.finish("a")                       # settles, starts what may start, then says how `a` ended
assert await engine.states(run) == {"a": "success", "b": "running"}
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bide.control.claims import Claim
from bide.control.create_run import create_run
from bide.control.queue_tasks import Who
from bide.control.register_file import register_file
from bide.control.runner_requests import answer
from bide.control.start_tasks import start_tasks
from bide.engine.scheduler.duties.ask_timetables import Asks, AskTimetables
from bide.engine.scheduler.duty import Duty
from bide.engine.scheduler.duty_list import make_duties
from bide.engine.scheduler.scope import Scope
from bide.model.dag_spec import DagSpec
from bide.model.log_path import LogLayout
from bide.store import Store, sessions
from bide.store.bell import TOPICS
from bide.store.runs import RunRow
from bide.store.schema import dag_run, task_event, task_instance, wait
from bide.wire.messages import Defer, Finish, Frame, Message, Outcome, Reschedule, RunTask, WaitSpec
from tests.support.clock import HeldClock
from tests.support.dag_specs import FOLDER, parsed

#: Rounds of all duties in which they must come to rest.
_MOST_ROUNDS = 200


@dataclass
class PaperExecutor:
    """Takes claims and does nothing with them."""

    slots: int = 100
    queued: list[Claim] = field(default_factory=list[Claim])
    #: What was started, by instance id.
    started: dict[str, RunTask] = field(default_factory=dict[str, RunTask])
    cancelled: list[tuple[str, int | None]] = field(default_factory=list[tuple[str, "int | None"]])

    async def start(self) -> None:
        """Nothing to make ready."""

    async def stop(self, grace: float) -> None:
        """Nothing to end."""

    def free_slots(self) -> int:
        """See the contract."""
        return self.slots - len(self.queued) - len(self.started)

    def submit(self, claims: Sequence[Claim]) -> None:
        """See the contract."""
        assert len(claims) <= self.free_slots()
        self.queued.extend(claims)

    def running(self) -> Mapping[str, int]:
        """See the contract."""
        return {uid: task.epoch for uid, task in self.started.items()}

    def cancel(self, instance_id: str, epoch: int | None = None) -> None:
        """See the contract."""
        self.cancelled.append((instance_id, epoch))
        self.started.pop(instance_id, None)


class HandEngine:
    """One engine session on `store`."""

    def __init__(self, store: Store, clock: HeldClock, logs_root: Path, *, slots: int = 100) -> None:
        self.store = store
        self.clock = clock
        self.logs = LogLayout(logs_root)
        self.executor = PaperExecutor(slots)
        self.session = "engine-1"
        self.scope = Scope()
        #: Whoever asks timetables of authors' own.
        self.extensions: Asks | None = None
        #: Tests of more tasks at once than the default pool has slots do without.
        self.heed_pools = True
        #: Whose tasks its workers run; None for all.
        self.queues: list[str] | None = None

    def duties(self) -> list[Duty]:
        """The duties of the engine as it is now."""
        who = Who(self.session, self.scope.only_run, heed_pools=self.heed_pools, queues=self.queues)
        duties = make_duties(self.store, self.executor, self.scope, who, self.logs)
        if self.extensions is not None:
            duties.append(AskTimetables(self.store, self.extensions, self.scope))
        return duties

    async def settle(self) -> datetime | None:
        """Run all duties until none has anything to do at this moment; the answer is when one has next."""
        for _ in range(_MOST_ROUNDS):
            rung = self.store.bell.listen(*TOPICS)
            answers = [await duty.run() for duty in self.duties()]
            dues = [one.due_at for one in answers if one.due_at is not None]
            is_busy = await rung.wait(0) or any(one.again for one in answers)
            self.store.bell.leave(rung)
            if not is_busy and all(due > self.clock.now() for due in dues):
                return min(dues, default=None)
        raise AssertionError("the duties do not come to rest")

    async def skip_to_next(self) -> None:
        """Move the clock to the next moment at which a duty has something due."""
        due = await self.settle()
        assert due is not None, "nothing is due"
        self.clock.move_to(due)
        await self.settle()

    # --- DAGs and runs

    async def register(self, *specs: DagSpec, paused: bool = False) -> None:
        """Register a file of `specs` that was just parsed."""
        await register_file(self.store, parsed(*specs), folder=FOLDER, paused_at_creation=paused)

    async def run_of(self, spec: DagSpec, **fields: Any) -> RunRow:
        """Register `spec` and make a run of it."""
        await self.register(spec)
        return await self.create(spec.dag_id, **fields)

    async def create(self, dag_id: str, **fields: Any) -> RunRow:
        """Make a run."""
        self.clock.advance(0.001)  # a run is named by its moment
        return await create_run(self.store, dag_id, by="test", **fields)

    # --- workers

    async def start(self) -> dict[str, RunTask]:
        """Settle, and start all that was queued; the answer has what was started now, by task id."""
        await self.settle()
        claims, self.executor.queued = self.executor.queued, []
        tasks = await start_tasks(self.store, claims, session=self.session, logs=self.logs)
        self.executor.started |= {task.instance.id: task for task in tasks}
        return {task.instance.task_id: task for task in tasks}

    def started(self, task_id: str) -> RunTask:
        """The one instance of `task_id` that a worker has."""
        (found,) = [task for task in self.executor.started.values() if task.instance.task_id == task_id]
        return found

    async def ask(self, task: RunTask, body: Any) -> Message:
        """Ask for something as the worker of `task`."""
        return await answer(self.store, Frame(body, 1, task.instance.id, task.epoch))

    async def leave_all(self, tasks: Iterable[RunTask], body: Any) -> None:
        """Let the workers of `tasks` say `body` all at the same time."""
        leaving = list(tasks)
        await asyncio.gather(*(self.ask(task, body) for task in leaving))
        for task in leaving:
            del self.executor.started[task.instance.id]

    async def end(self, task: RunTask, state: Any = "success") -> Message:
        """End one of several instances of a task."""
        reply = await self.ask(task, Finish(state))
        del self.executor.started[task.instance.id]
        return reply

    async def report(self, task_id: str, body: Finish | Defer | Reschedule) -> Message:
        """Start what may start, then leave `task_id` as its worker does; settle."""
        await self.start()
        task = self.started(task_id)
        reply = await self.ask(task, body)
        del self.executor.started[task.instance.id]
        await self.start()
        return reply

    async def finish(self, task_id: str, state: Any = "success", **fields: Any) -> Message:
        """End `task_id`."""
        return await self.report(task_id, Finish(state, **fields))

    async def defer(self, task_id: str, wait: WaitSpec | None = None, **fields: Any) -> Message:
        """Let `task_id` wait, by default for a poll, and go on at ``done``."""
        return await self.report(task_id, deferral(wait, **fields))

    async def lose_engine(self) -> None:
        """Forget all that this engine had in memory, as if it were killed, and begin another session."""
        number = int(self.session.removeprefix("engine-"))
        self.session = f"engine-{number + 1}"
        self.executor = PaperExecutor(self.executor.slots)

    # --- looking

    async def states(self, run: RunRow | None = None) -> dict[str, str]:
        """States of the instances by task id, of `run` or of all runs."""
        query = sa.select(task_instance.c.task_id, task_instance.c.state)
        if run is not None:
            query = query.where(task_instance.c.run_uid == run.uid)
        rows = await self.store.read(lambda tx: tx.conn.execute(query).all())
        return dict(rows)

    async def instance(self, task_id: str, run: RunRow | None = None) -> sa.RowMapping:
        """The row of the one instance of `task_id`."""
        query = sa.select(task_instance).where(task_instance.c.task_id == task_id)
        if run is not None:
            query = query.where(task_instance.c.run_uid == run.uid)
        return await self.store.read(lambda tx: tx.conn.execute(query).mappings().one())

    async def run_row(self, run: RunRow) -> sa.RowMapping:
        """The row of `run` as it is now."""
        query = sa.select(dag_run).where(dag_run.c.uid == run.uid)
        return await self.store.read(lambda tx: tx.conn.execute(query).mappings().one())

    async def run_states(self) -> dict[str, str]:
        """States of all runs by run id."""
        query = sa.select(dag_run.c.run_id, dag_run.c.state).order_by(dag_run.c.run_after)
        rows = await self.store.read(lambda tx: tx.conn.execute(query).all())
        return dict(rows)

    async def history(self, task_id: str) -> list[str]:
        """The states that the instance of `task_id` entered, in order."""
        query = (
            sa.select(task_event.c.state)
            .join(task_instance, task_instance.c.uid == task_event.c.instance_uid)
            .where(task_instance.c.task_id == task_id)
            .order_by(task_event.c.id)
        )
        return await self.store.read(lambda tx: list(tx.conn.execute(query).scalars()))

    async def waits(self) -> list[sa.RowMapping]:
        """All waits."""
        return await self.store.read(lambda tx: list(tx.conn.execute(sa.select(wait)).mappings()))


async def begin_session(store: Store) -> str:
    """A session's uid as an engine gets it."""
    return await store.write(lambda tx: sessions.begin(tx, kind="test", hostname="here", pid=1))


def deferral(wait: WaitSpec | None = None, *, method: str | None = "done", **fields: Any) -> Defer:
    """What a worker asks for when its task defers."""
    return Defer(wait or poll(), method, fields.pop("kwargs", b"{}"), **fields)


def poll(**fields: Any) -> WaitSpec:
    """A wait that a trigger runner serves."""
    return WaitSpec("poll", "waiting.Poll", b"{}", interval=5.0, subject="something", **fields)


def timer(due_at: datetime, outcome: Outcome | None = None, **fields: Any) -> WaitSpec:
    """A wait that is a row, fired at `due_at` with an event or another `outcome`."""
    return WaitSpec(
        "timer",
        "waiting.Timer",
        b"{}",
        due_at=due_at.timestamp(),
        outcome=outcome or event(),
        **fields,
    )


def event(payload: bytes = b'"now"') -> Outcome:
    """An event that lets the task go on."""
    return Outcome("event", payload)
