"""The engine: takes a store, starts its parts, serves, stops in good order.

Two ways to use it. ``bide standalone`` serves everything in the store:

    async with Engine(config, kind="standalone") as engine:
        await engine.serve(Scope())

``bide run`` serves one run that it makes itself: it parses one file first, then narrows its scope. On PostgreSQL
several engines serve one store, each all parts of it or some.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import structlog

from bide.config.resolved import Config
from bide.control import claim_waits, ending_callbacks, lose_task, register_file
from bide.control.mint_callback import CallbackAddress, no_address
from bide.control.queue_tasks import Who
from bide.engine import faults
from bide.engine.bell_socket import BellSocket, socket_path
from bide.engine.callback_runners import CallbackRunners
from bide.engine.executors.local import LocalExecutor, SharingExecutor, local_executor, shares_workers
from bide.engine.extensions import Extensions
from bide.engine.lock import EngineLock, this_process
from bide.engine.membership import Membership, kill_what_is_left, open_store, store_family, store_id
from bide.engine.parsing import ParsingService
from bide.engine.parsing.lookups import StoreLookups
from bide.engine.parts import ALL_PARTS, Part
from bide.engine.questions import questions_to
from bide.engine.scheduler.along import begin_duties
from bide.engine.scheduler.duties.ask_timetables import AskTimetables
from bide.engine.scheduler.duties.run_callbacks import RunCallbacks
from bide.engine.scheduler.loop import DutyLoop
from bide.engine.scheduler.scope import Scope
from bide.engine.secrets import SecretsBackend, backend_of
from bide.engine.task_control import StoreTaskControl
from bide.engine.task_log import TaskLog
from bide.engine.template import Template
from bide.engine.triggerer import ClaimAlong, StoreControl, Triggerer, TriggererSettings
from bide.engine.xcom_purger import XComPurger
from bide.model.clock import Clock
from bide.model.errors import SessionLost
from bide.model.log_path import LogLayout
from bide.observe.clock import SystemClock
from bide.store import Store, pools
from bide.wire.messages import FileParsed
from bide.wire.progress import Progress
from bide.wire.statistics import TriggererStatistics

log = structlog.get_logger("bide.engine")

#: Seconds after which a thread that wants the interpreter may take it from another. The default of 5 ms is as long
#: as several transactions, and the event loop would wait for it at each of them.
_SWITCH_INTERVAL: Final = 0.0005


@dataclass(slots=True)
class _Parts:
    """What serves, once :meth:`Engine.serve` has started it."""

    executor: LocalExecutor | SharingExecutor | None = None
    duties: DutyLoop | None = None
    calling: CallbackRunners | None = None
    triggerer: Triggerer | None = None
    triggering: asyncio.Task[None] | None = None
    parsing: ParsingService | None = None
    socket: BellSocket | None = None
    #: The one run that they serve, if it is one.
    only_run: str | None = None


@dataclass(slots=True)
class _Opened:
    """What :meth:`Engine.open` has opened."""

    lock: EngineLock | None
    store: Store
    template: Template
    membership: Membership
    secrets: SecretsBackend | None

    @property
    def session(self) -> str:
        return self.membership.session


class Engine:
    """One engine on one store; an async context manager that opens and closes it."""

    def __init__(
        self,
        config: Config,
        *,
        kind: str,
        clock: Clock | None = None,
        address: CallbackAddress | None = None,
        queues: Sequence[str] | None = None,
    ) -> None:
        """`address` is where callbacks arrive; without one they go to [api] base_url, if that is set. `queues`:
        whose triggers it runs, None for all."""
        self._config = config
        self._queues = queues
        self._address = address or self._configured_address
        self._kind = kind
        self._clock = clock or SystemClock()
        self._opened: _Opened | None = None
        self._parts: _Parts | None = None
        # Runners of several engines are told apart by this.
        self.store_id: str = store_id(config)
        which = os.getpid() if config.is_shared else None
        self.socket_path: Path = socket_path(config.home, store_family(config), which)

    @property
    def store(self) -> Store:
        """The open store."""
        return self._open_parts.store

    @property
    def _open_parts(self) -> _Opened:
        if self._opened is None:
            raise RuntimeError("the engine is not open")
        return self._opened

    # --- opening ---

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Take the store, or join those that share it, and start the template process.

        Raises an error of the StoreError family; :class:`~bide.model.errors.StoreInUse` if another engine has it.
        """
        sys.setswitchinterval(_SWITCH_INTERVAL)
        faults.arm(os.environ)
        config = self._config
        async with AsyncExitStack() as undo:
            lock = None
            if not config.is_shared:
                holder = this_process(self._kind, self.socket_path, self._clock.now())
                lock = undo.enter_context(await asyncio.to_thread(EngineLock.take, config.store_path, holder))
            # What an engine that was killed has left of its runners ends now, before this one has any.
            await asyncio.to_thread(kill_what_is_left, config)
            template = Template(
                store_id=self.store_id,
                preload=config.settings.local_executor.preload,
                environment=config.runner_environment(os.environ),
                output=config.home / "runners.log",
            )
            await template.start()
            undo.push_async_callback(template.stop)
            store = await asyncio.to_thread(open_store, config, self._clock)
            undo.push_async_callback(store.close)
            secrets = backend_of(config, template, store, self._clock)
            if secrets is not None:
                undo.push_async_callback(secrets.close)
            membership = await Membership.join(store, config, kind=self._kind, queues=self._queues)
            undo.pop_all()
        faults.aim("template", lambda: [] if template.pid is None else [template.pid])
        self._opened = _Opened(lock, store, template, membership, secrets)

    async def lost(self) -> SessionLost:
        """Wait until others have taken over what this engine had, since it was silent: it has to be closed then."""
        return await self._open_parts.membership.lost()

    def check_alive(self) -> None:
        """Raise :class:`SessionLost` if others have taken over what this engine had."""
        self._open_parts.membership.check()

    async def _configured_address(self) -> str:
        return self._config.settings.api.base_url.rstrip("/") or await no_address()

    async def parse(self, path: Path, folder: Path) -> FileParsed:
        """Parse one file and store what it makes; the answer has the DAGs that could be stored, and all errors."""
        return await self._store_parse(await self._parsing([path]).parse_once(path, folder), str(folder))

    # --- serving ---

    async def serve(
        self, scope: Scope, *, folders: Sequence[Path] = (), parts: Collection[Part] = ALL_PARTS
    ) -> None:
        """Start `parts` for `scope`, with DAG files from `folders`; returns when they have started."""
        store = self.store
        store.hear()
        if not store.is_shared:
            await self._take_over(scope)
        self._parts = serving = _Parts(only_run=scope.only_run)
        if Part.SCHEDULER in parts:
            await self._start_scheduler(serving, scope)
        if Part.TRIGGERER in parts:
            self._start_triggerer(serving, scope)
        serving.socket = BellSocket(self.socket_path, store.bell, questions_to(self))
        await serving.socket.start()
        if folders and Part.DAG_PROCESSOR in parts:
            serving.parsing = self._parsing(folders, await register_file.known_files(store))
            await serving.parsing.start()

    async def _take_over(self, scope: Scope) -> None:
        """Where there is one engine at a time, all others are gone."""
        store, session = self._open_parts.store, self._open_parts.session
        rescued = await lose_task.rescue_lost(store, session, only=scope.only_run)
        taken = await claim_waits.take_over_waits(store, session, only=scope.only_run)
        await ending_callbacks.take_over_callbacks(store, session, only=scope.only_run)
        if rescued or taken:
            log.info("took_over", tasks=rescued, waits=taken)

    @property
    def _logs(self) -> LogLayout:
        return LogLayout(self._config.logs_root, self._config.settings.logging.log_filename_template)

    async def _start_scheduler(self, serving: _Parts, scope: Scope) -> None:
        opened, settings = self._open_parts, self._config.settings
        store, session, logs = opened.store, opened.session, self._logs
        default_slots = settings.core.default_pool_task_slot_count
        await store.write(lambda tx: pools.make_default(tx, default_slots))
        executor = local_executor(
            opened.template,
            StoreTaskControl(store, session, logs, address=self._address),
            settings,
            session=session,
            clock=self._clock,
            on_slots=lambda: store.bell.ring("slots"),
        )
        await executor.start()
        faults.aim("workers", executor.pids)
        serving.executor = executor
        serving.calling = CallbackRunners(opened.template, store, session, TaskLog(store, logs))
        who = Who(session, scope.only_run, queues=self._queues, shares_workers=shares_workers(settings))
        purger = XComPurger(opened.template)
        duties = begin_duties(self._config, store, executor, scope, who, logs, purger)
        duties.append(RunCallbacks(store, serving.calling, scope, session, logs))
        duties.append(AskTimetables(store, Extensions(opened.template, settings.parsing.timeout_sec), scope))
        serving.duties = DutyLoop(duties, store.bell, store.clock)
        serving.duties.start()

    def _start_triggerer(self, serving: _Parts, scope: Scope) -> None:
        opened, settings = self._open_parts, self._config.settings.triggerer
        along = ClaimAlong(opened.session, logs=self._logs, only=scope.only_run, queues=self._queues)
        opened.store.follow(along)
        serving.triggerer = Triggerer(
            opened.template,
            StoreControl(opened.store, opened.session, logs=self._logs, only=scope.only_run, queues=self._queues),
            opened.store.bell,
            opened.store.clock,
            session=opened.session,
            settings=TriggererSettings(
                capacity=settings.capacity,
                max_runners=settings.runners or os.cpu_count() or 1,
                heartbeat=settings.job_heartbeat_sec,
            ),
            along=along,
        )
        faults.aim("runners", serving.triggerer.pids)
        serving.triggering = asyncio.create_task(serving.triggerer.run(), name="triggerer")

    def _parsing(self, paths: Sequence[Path], stored: Collection[str] = ()) -> ParsingService:
        settings = self._config.settings.parsing
        return ParsingService(
            self._open_parts.template,
            paths,
            register=self._register,
            forget=lambda path: register_file.forget_file(self.store, path),
            stored=stored,
            processes=settings.processes,
            safe_mode=self._config.settings.core.dag_discovery_safe_mode,
            ignore_syntax=self._config.settings.core.dag_ignore_file_syntax,
            timeout=settings.timeout_sec,
            clock=self._clock,
            lookups=StoreLookups(self.store),
        )

    async def _register(self, parsed: FileParsed, folder: str) -> None:
        await self._store_parse(parsed, folder)

    async def _store_parse(self, parsed: FileParsed, folder: str) -> FileParsed:
        return await register_file.register_file(
            self.store,
            parsed,
            folder=folder,
            paused_at_creation=self._config.settings.core.dags_are_paused_at_creation,
        )

    async def next_looks(self, wait_ids: Sequence[str]) -> dict[str, float]:
        """When polls are looked at next (Unix seconds), for those that are known."""
        triggerer = None if self._parts is None else self._parts.triggerer
        return {} if triggerer is None else await triggerer.next_looks(wait_ids)

    async def progress(self, wait_ids: Sequence[str]) -> dict[str, Progress]:
        """How far the work outside is that these wait for, for those that have said so."""
        triggerer = None if self._parts is None else self._parts.triggerer
        return {} if triggerer is None else await triggerer.progress(wait_ids)

    async def statistics(self) -> TriggererStatistics | None:
        """How its triggerer is; None if it has none."""
        if self._parts is None or self._parts.triggerer is None:
            return None
        found = await self._parts.triggerer.statistics(f"{self._kind} {os.getpid()} on {socket.gethostname()}")
        queues = None if self._queues is None else list(self._queues)
        return msgspec.structs.replace(found, queues=queues, only_run=self._parts.only_run)

    def where(self, wait_ids: Sequence[str]) -> dict[str, str]:
        """Which runner process holds these waits, for those that one holds."""
        triggerer = None if self._parts is None else self._parts.triggerer
        return {} if triggerer is None else triggerer.where(wait_ids)

    @property
    def shortage(self) -> str:
        """Why its triggerer takes no more waits; empty if it does."""
        return "" if self._parts is None or self._parts.triggerer is None else self._parts.triggerer.shortage

    async def first_parse(self) -> None:
        """Wait until every file of the folders was parsed once."""
        if self._parts is not None and self._parts.parsing is not None:
            await self._parts.parsing.first_pass.wait()

    def alive(self) -> dict[str, bool]:
        """Which of the parts beside the duties serve: ``triggerer`` and, with folders, ``dag_processor``."""
        if self._parts is None:
            return {}
        parts: dict[str, bool] = {}
        if self._parts.triggerer is not None:
            parts["triggerer"] = self._parts.triggerer.healthy
        if self._parts.parsing is not None:
            parts["dag_processor"] = True
        return parts

    def health(self) -> dict[str, dict[str, Any]]:
        """How the duties are doing, by name."""
        if self._parts is None or self._parts.duties is None:
            return {}
        return {
            name: {"last_run": one.last_run, "last_error": one.last_error}
            for name, one in self._parts.duties.health.items()
        }

    # --- closing ---

    async def close(self, *, grace: float | None = None) -> None:
        """Stop in good order: nothing new starts, what runs gets `grace` seconds, waits are given back."""
        opened, parts = self._opened, self._parts
        self._opened, self._parts = None, None
        if opened is None:
            return
        if grace is None:
            grace = self._config.settings.local_executor.grace_sec
        async with AsyncExitStack() as closing:
            if opened.lock is not None:
                closing.callback(opened.lock.release)
            closing.push_async_callback(opened.store.close)
            # While its parts wind up, the engine still says that it lives.
            closing.push_async_callback(opened.membership.leave)
            closing.push_async_callback(opened.template.stop)
            if opened.secrets is not None:
                closing.push_async_callback(opened.secrets.close)
            if parts is not None:
                _close_parts(closing, parts, grace)


def _close_parts(closing: AsyncExitStack, parts: _Parts, grace: float) -> None:
    """Have `parts` stopped, the last one first."""
    if parts.socket is not None:
        closing.push_async_callback(parts.socket.stop)
    if parts.triggerer is not None:
        closing.push_async_callback(_stop_triggerer, parts, grace)
    if parts.calling is not None:
        closing.push_async_callback(parts.calling.stop)
    if parts.executor is not None:
        closing.push_async_callback(parts.executor.stop, grace)
    if parts.duties is not None:
        closing.push_async_callback(parts.duties.stop)
    if parts.parsing is not None:
        closing.push_async_callback(parts.parsing.stop)


async def _stop_triggerer(parts: _Parts, grace: float) -> None:
    assert parts.triggerer is not None and parts.triggering is not None
    await parts.triggerer.stop(grace)
    await parts.triggering
