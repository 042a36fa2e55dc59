"""Task instances that wait, in a real store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bide.control.claims import Claim
from bide.control.create_run import create_run
from bide.control.defer_task import defer_task
from bide.control.queue_tasks import Who
from bide.control.register_file import register_file
from bide.control.start_tasks import start_tasks
from bide.engine.scheduler.duties.advance_runs import AdvanceRuns
from bide.engine.scheduler.duties.queue_tasks import QueueTasks
from bide.engine.scheduler.duties.start_runs import StartRuns
from bide.engine.scheduler.scope import Scope
from bide.engine.triggerer import StoreControl
from bide.model.dag_spec import DagSpec, TaskSpec
from bide.model.log_path import LogLayout
from bide.store import Store, sessions
from bide.store.schema import dag_run, task_event, task_instance, wait
from bide.wire.messages import Defer, FileParsed, RunTask, WaitSpec


class Slots:
    """An executor that takes everything and runs nothing."""

    def __init__(self) -> None:
        self.claims: list[Claim] = []

    def free_slots(self) -> int:
        return 1_000_000

    def submit(self, claims: Sequence[Claim]) -> None:
        self.claims.extend(claims)


@dataclass
class WaitingTasks:
    """Runs of DAGs whose tasks all defer. Their files would lie in `folder`."""

    store: Store
    session: str
    logs: LogLayout
    folder: Path

    @classmethod
    async def prepare(cls, store: Store, folder: Path) -> WaitingTasks:
        """For a store without runs; logs go below `folder`."""
        session = await store.write(lambda tx: sessions.begin(tx, kind="test", hostname="here", pid=1))
        return cls(store, session, LogLayout(folder / "logs"), folder)

    def control(self) -> StoreControl:
        return StoreControl(self.store, self.session, logs=self.logs)

    async def defer(self, *waits: WaitSpec, dag_id: str = "waits") -> list[str]:
        """Start a run of tasks ``t0``, ``t1``, ... that have deferred; the ids of all waits in the store."""
        running = await self.start(len(waits), dag_id)
        async with asyncio.TaskGroup() as group:
            for task in running:
                report = Defer(waits[int(task.instance.task_id[1:])], "resumed", b"{}")
                group.create_task(defer_task(self.store, task.instance.id, task.epoch, report))
        return [row[0] for row in await self.store.read(lambda tx: tx.conn.execute(sa.select(wait.c.uid)).all())]

    async def start(self, count: int, dag_id: str) -> list[RunTask]:
        """A run of `count` tasks that are all running."""
        spec = DagSpec(
            dag_id,
            file=str(self.folder / f"{dag_id}.py"),
            folder=str(self.folder),
            tasks=tuple(TaskSpec(f"t{number}") for number in range(count)),
            max_active_tasks=1_000_000,
        )
        parsed = FileParsed(spec.file, (spec,), (), {}, 0.0)
        await register_file(self.store, parsed, folder=spec.folder, paused_at_creation=False)
        await create_run(self.store, dag_id, by="test")
        slots = Slots()
        for duty in (
            StartRuns(self.store, Scope()),
            AdvanceRuns(self.store, Scope()),
            QueueTasks(self.store, slots, Who(self.session, heed_pools=False)),
        ):
            while (await duty.run()).again:
                pass
        return await start_tasks(self.store, slots.claims, session=self.session, logs=self.logs)

    async def states(self) -> dict[str, str]:
        """State by task id."""
        rows = await self.store.read(
            lambda tx: tx.conn.execute(sa.select(task_instance.c.task_id, task_instance.c.state)).all()
        )
        return {row[0]: row[1] for row in rows}

    async def errors(self) -> dict[str, str]:
        """Why tasks have failed, by task id."""
        rows = await self.store.read(
            lambda tx: tx.conn.execute(
                sa.select(task_instance.c.task_id, task_instance.c.error).where(task_instance.c.error != "")
            ).all()
        )
        return {row[0]: row[1] for row in rows}

    async def run_id(self) -> str:
        """Of the only run."""
        return await self.store.read(lambda tx: tx.conn.execute(sa.select(dag_run.c.run_id)).scalar_one())

    async def history(self, task_id: str) -> list[str]:
        """States that a task has entered, in order."""
        rows = await self.store.read(
            lambda tx: tx.conn.execute(
                sa.select(task_event.c.state)
                .join(task_instance, task_instance.c.uid == task_event.c.instance_uid)
                .where(task_instance.c.task_id == task_id)
                .order_by(task_event.c.id)
            ).all()
        )
        return [row[0] for row in rows]

    async def leases(self) -> list[tuple[str | None, int]]:
        """Session and token of every wait."""
        rows = await self.store.read(lambda tx: tx.conn.execute(sa.select(wait.c.session, wait.c.token)).all())
        return [(row[0], row[1]) for row in rows]
