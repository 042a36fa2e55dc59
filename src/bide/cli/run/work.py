"""Running one DAG run to its end: with an engine of its own, or beside one that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bide.cli.callback_listener import CallbackListener
from bide.cli.dag_files import parse_files
from bide.cli.engine_log import log_to_file
from bide.cli.engines import SCHEDULING, RunningEngine, ask_all, find_engines, scheduler_runs
from bide.cli.exit_codes import ExitCode
from bide.cli.opening import open_store
from bide.cli.run.follow import Follower, Interrupts
from bide.cli.run.picture import RunPicture
from bide.cli.run.result import RunResult, leaves_of, load_result
from bide.cli.run.screen import Screen
from bide.cli.run.target import Target, choose_dag
from bide.config.resolved import Config
from bide.control.create_run import create_run
from bide.control.register_file import register_file
from bide.engine.bell_socket import EngineClient
from bide.engine.scheduler.scope import Scope
from bide.engine.service import Engine
from bide.model.errors import BideError, Conflict, NotFound, StoreInUse
from bide.model.log_path import LogLayout
from bide.model.states import RunState
from bide.observe.clock import SystemClock
from bide.store import Store
from bide.store.views import get_run


@dataclass(frozen=True)
class Order:
    """What a person asked for."""

    target: Target
    dag_id: str | None
    conf: dict[str, Any]
    logical_date: datetime | None
    #: Id of the run to go on with, instead of a new one.
    resume: str | None
    by: str


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    result: RunResult
    #: Tasks that no other waits for.
    leaves: frozenset[str]
    code: ExitCode


class EngineGone(BideError):
    """The engine that worked on the run has stopped."""


async def run_to_end(config: Config, order: Order, screen: Screen) -> Ended:
    """Run, or resume, one run; returns when it has ended. An engine that serves the whole store is handed the run.

    Raises :class:`StoreInUse` if the store is held by an engine that works on another run only.
    """
    scheduler = await _find_scheduler(config)
    if scheduler is not None:
        return await _run_beside(config, order, screen, scheduler)
    return await _run_here(config, order, screen)


async def _find_scheduler(config: Config) -> RunningEngine | None:
    """An engine that makes all runs go on."""
    return next((one for one in await find_engines(config) if one.kind in SCHEDULING), None)


async def _run_here(config: Config, order: Order, screen: Screen) -> Ended:
    log_to_file(config)
    listener = CallbackListener(config, lambda: engine.store)
    engine = Engine(config, kind="run", address=listener.address)
    try:
        await engine.open()
    except StoreInUse:
        # One may have started this moment.
        scheduler = await _find_scheduler(config)
        if scheduler is None:
            raise
        return await _run_beside(config, order, screen, scheduler)
    try:
        parsed = await engine.parse(order.target.path, order.target.folder)
        dag_id = choose_dag(parsed, order.dag_id).dag_id
        uid, run_id = await _make_run(engine.store, order, dag_id)
        if order.resume is not None:
            await listener.listen_again(uid)

        async def next_looks(wait_ids: Sequence[str]) -> Mapping[str, datetime]:
            return _moments(await engine.next_looks(wait_ids))

        async def check_alive() -> None:
            engine.check_alive()

        follower = Follower(engine.store, dag_id, run_id, screen, SystemClock(), next_looks, check_alive)
        with Interrupts(engine.store, dag_id, run_id, screen, by=order.by) as interrupts:
            await engine.serve(Scope(only_run=uid))
            picture = await follower.follow()
            await interrupts.settle()
            await follower.settle_cancels(uid)
            await follower.settle_callbacks(uid)
        return await _ended(config, engine.store, picture, interrupts)
    finally:
        screen.close()
        await listener.close()
        await engine.close()


async def _run_beside(config: Config, order: Order, screen: Screen, scheduler: RunningEngine) -> Ended:
    parsed, *_ = await parse_files(config, order.target.path)
    dag_id = choose_dag(parsed, order.dag_id).dag_id

    async def next_looks(wait_ids: Sequence[str]) -> Mapping[str, datetime]:
        return _moments(await ask_all(await find_engines(config, store), "next_looks", list(wait_ids)))

    async def check_served() -> None:
        if not await scheduler_runs(config, store):
            raise EngineGone(
                f"the engine (process {scheduler.pid}) has stopped; go on with "
                f"`bide run {order.target.path} --dag {dag_id} --resume {run_id}`, or start it again"
            )

    async with open_store(config) as store:
        bell = _SocketBell(store, None if store.is_shared else scheduler.client)
        stored = await register_file(
            store,
            parsed,
            folder=str(order.target.folder),
            paused_at_creation=config.settings.core.dags_are_paused_at_creation,
        )
        choose_dag(stored, dag_id)
        uid, run_id = await _make_run(store, order, dag_id)
        screen.note(f"handed over to the engine that runs ({scheduler})")
        follower = Follower(store, dag_id, run_id, screen, SystemClock(), next_looks, check_served)
        try:
            with Interrupts(store, dag_id, run_id, screen, by=order.by) as interrupts:
                picture = await follower.follow()
                await interrupts.settle()
                await follower.settle_callbacks(uid)
            return await _ended(config, store, picture, interrupts)
        finally:
            screen.close()
            await bell.close()


class _SocketBell:
    """Rings out to the engine behind `client` at once, not when the command ends, and hears what that rings."""

    def __init__(self, store: Store, client: EngineClient | None) -> None:
        self._ringing: list[asyncio.Task[bool]] = []
        self._listening: asyncio.Task[None] | None = None
        if client is not None:
            store.bell.relay(lambda topics: self._ringing.append(asyncio.create_task(client.ring(*topics))))
            self._listening = asyncio.create_task(client.listen(store.bell, "history"))

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, *self._ringing, return_exceptions=True)


async def _make_run(store: Store, order: Order, dag_id: str) -> tuple[str, str]:
    """(uid, run id) of the run to follow."""
    if order.resume is not None:
        run_id = order.resume
        found = await store.read(lambda tx: get_run(tx, dag_id, run_id))
        if found is None:
            raise NotFound(f"DAG {dag_id!r} has no run {run_id!r} to resume (see `bide runs list {dag_id}`)")
        return found.uid, found.run_id
    try:
        run = await create_run(store, dag_id, conf=order.conf, logical_date=order.logical_date, by=order.by)
    except Conflict as error:
        raise Conflict(f"{error}: go on with that one (--resume), or choose another --logical-date") from error
    return run.uid, run.run_id


async def _ended(config: Config, store: Store, picture: RunPicture, interrupts: Interrupts) -> Ended:
    logs = LogLayout(config.logs_root, config.settings.logging.log_filename_template)
    dag_id, run_id = picture.dag_id, picture.run_id
    result, leaves = await store.read(
        lambda tx: (load_result(tx, dag_id, run_id, logs), leaves_of(tx, dag_id, run_id))
    )
    code = ExitCode.OK if picture.state is RunState.SUCCESS else ExitCode.FAILED
    return Ended(result, leaves, ExitCode.INTERRUPTED if interrupts.interrupted else code)


def _moments(looks: Mapping[str, float]) -> dict[str, datetime]:
    return {wait_id: datetime.fromtimestamp(at, UTC) for wait_id, at in looks.items()}
