"""An engine for one run of one DAG object, in this process, on a store that is gone afterwards."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import tempfile
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from bide.authoring.dag import DAG
from bide.authoring.runtime import use_runtime
from bide.authoring.serialize import serialize_dag
from bide.control.create_run import create_run
from bide.control.ending_callbacks import pending_callbacks
from bide.control.queue_tasks import Who
from bide.control.register_file import register_file
from bide.engine.scheduler.duties.ask_timetables import AskTimetables
from bide.engine.scheduler.duties.run_callbacks import RunCallbacks
from bide.engine.scheduler.duty import Duty
from bide.engine.scheduler.duty_list import make_duties
from bide.engine.scheduler.loop import DutyLoop
from bide.engine.scheduler.scope import Scope
from bide.engine.task_control import StoreTaskControl
from bide.engine.triggerer.store_control import StoreControl
from bide.model.dag_spec import DagSpec
from bide.model.log_path import LogLayout
from bide.model.states import RunState
from bide.model.value_classes import use_policy
from bide.observe.log import DescriptorSink, context_sink
from bide.runner.questions import TriggerRuntime
from bide.runner.resolve import live_classes
from bide.runner.settings import project_values
from bide.store import Store, Tx, connections, sessions, variables
from bide.store.connections import ConnectionRow
from bide.store.database import Work, WorkOnMany
from bide.store.migrate import upgrade
from bide.store.runs import RunRow
from bide.store.sealing import Keyring
from bide.store.variables import VariableRow
from bide.store.views import InstanceView, RunView, WaitView, get_run, list_instances, list_waits
from bide.testing.callbacks import Callbacks
from bide.testing.clock import SkippingClock
from bide.testing.events import GivenEvents
from bide.testing.executor import InlineExecutor
from bide.testing.inline_callbacks import InlineCallbacks
from bide.testing.inline_task import InlineTasks
from bide.testing.loop import SkippingLoop
from bide.testing.output import Echo, heard
from bide.testing.results import RunResult, RunStuck, Witness, collect
from bide.testing.timetables import InlineTimetables
from bide.testing.triggers import InlineTriggerer
from bide.wire.messages import FileParsed

T = TypeVar("T")

_ENDED: Final = (RunState.SUCCESS, RunState.FAILED)
#: Tasks that are queued in advance.
_SLOTS: Final = 32
#: Seconds for which a task may hold up the end of a run that is broken off.
_GRACE: Final = 1.0


class StrictDutyLoop(DutyLoop):
    """Tells of a duty that fails. In a store of its own nothing goes away by waiting, least of all by skipping."""

    def __init__(self, duties: Sequence[Duty], store: Store, failed: Callable[[Exception], None]) -> None:
        super().__init__(duties, store.bell, store.clock, safety_net=None)
        self._failed = failed

    def _note_failure(self, duty: Duty, error: Exception, pause: float) -> None:
        super()._note_failure(duty, error, pause)
        self._failed(error)


class PacedStore(Store):
    """Tells the loop while a transaction is under way in the writer's thread."""

    async def write(self, work: Work[T]) -> T:
        """As any store does."""
        return await self._paced(super().write(work))

    async def write_together(self, work: WorkOnMany[Any, T], item: Any) -> T:
        """As any store does."""
        return await self._paced(super().write_together(work, item))

    async def _paced(self, writing: Any) -> Any:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, SkippingLoop):
            return await writing
        loop.begin_work()
        try:
            return await writing
        finally:
            loop.end_work()


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What is to be run, and how."""

    dag: DAG
    conf: dict[str, Any] | None
    logical_date: datetime | None
    run_id: str | None
    clock: SkippingClock
    events: GivenEvents
    #: Of the run's own time.
    time_limit: timedelta
    echo: Echo | None = None
    mark_success: re.Pattern[str] | None = None
    connections: Sequence[ConnectionRow] = ()
    variables: Sequence[VariableRow] = ()


class InlineEngine:
    """Runs one request: tasks in the thread that calls :meth:`run`, all else in a thread beside it."""

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._spec = _spec_of(request.dag)
        self._witness = Witness()
        self._executor: InlineExecutor | None = None
        #: Set when the executor can be served, or there will be none.
        self._ready = threading.Event()
        self._result: RunResult | None = None
        self._error: BaseException | None = None
        self._loop: SkippingLoop | None = None
        self._serving: asyncio.Task[None] | None = None
        self._is_stuck: asyncio.Future[bool] | None = None

    def run(self) -> RunResult:
        """Run it to its end. Raises :class:`RunStuck`, and what stopped the run or failed in the engine."""
        __tracebackhide__ = True
        thread = threading.Thread(target=self._run_engine, name="bide-engine", daemon=True)
        clock = self._request.clock
        with heard(lambda: clock.now().timestamp()) as finish_lines:
            self._finish_lines = finish_lines
            clock.attach(self._sleep)
            dag = self._request.dag
            before = use_policy(project_values(dag.dags_folder or dag.folder))
            thread.start()
            try:
                self._ready.wait()
                if self._executor is not None:
                    self._executor.serve()
            except BaseException:
                self._break_off()
                raise
            finally:
                thread.join()
                clock.attach(None)
                use_policy(before)
        if isinstance(self._error, RunStuck):
            raise self._error.with_traceback(None)
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _break_off(self) -> None:
        loop, serving = self._loop, self._serving
        if loop is not None and serving is not None and not loop.is_closed():
            loop.call_soon_threadsafe(serving.cancel)

    def _sleep(self, seconds: float) -> None:
        if self._executor is not None:
            self._executor.sleep(seconds, self._request.clock.now().timestamp())

    # --- the engine's thread ------------------------------------------------------------------------------------

    def _run_engine(self) -> None:
        clock = self._request.clock
        longest = self._request.time_limit.total_seconds()
        try:
            with (
                use_runtime(TriggerRuntime(clock)),
                live_classes(),
                context_sink(DescriptorSink(2)),
                tempfile.TemporaryDirectory(prefix="bide-test-") as folder,
                asyncio.Runner(
                    loop_factory=lambda: SkippingLoop(clock, longest=longest, stuck=self._on_stuck)
                ) as runner,
            ):
                runner.run(self._serve(Path(folder)))
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    def _on_stuck(self, too_far: bool) -> None:
        if self._is_stuck is not None and not self._is_stuck.done():
            self._is_stuck.set_result(too_far)

    def _on_failure(self, error: Exception) -> None:
        if self._is_stuck is not None and not self._is_stuck.done():
            self._is_stuck.set_exception(error)

    async def _serve(self, folder: Path) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SkippingLoop)
        self._loop, self._serving = loop, asyncio.current_task()
        self._is_stuck = loop.create_future()
        logs = LogLayout(folder / "logs")
        keys = Keyring.of(urlsafe_b64encode(os.urandom(32)).decode())
        store = PacedStore.open(f"sqlite:///{folder / 'bide.db'}", self._request.clock, keys)
        async with AsyncExitStack() as closing:
            closing.push_async_callback(store.close)
            upgrade(store)
            run = await self._make_run(store)
            callbacks = Callbacks(store)
            closing.enter_context(callbacks.served())
            await self._run_to_end(store, run, logs, loop, callbacks)
            view = await _view(store, run)
            self._result = await store.read(lambda tx: collect(tx, view, self._witness, logs))

    async def _make_run(self, store: Store) -> RunRow:
        request, spec = self._request, self._spec
        parsed = FileParsed(spec.file, (spec,), (), {}, 0.0)
        await register_file(store, parsed, folder=spec.folder, paused_at_creation=False)
        if request.connections or request.variables:
            await store.write(lambda tx: _keep(tx, request))
        return await create_run(
            store,
            spec.dag_id,
            conf=request.conf,
            logical_date=request.logical_date,
            run_id=request.run_id,
            by="test",
        )

    async def _run_to_end(
        self, store: Store, run: RunRow, logs: LogLayout, loop: SkippingLoop, callbacks: Callbacks
    ) -> None:
        session = await store.write(
            lambda tx: sessions.begin(tx, kind="test", hostname=socket.gethostname(), pid=os.getpid())
        )
        request = self._request
        tasks = InlineTasks(
            dag=request.dag,
            clock=request.clock,
            events=request.events,
            witness=self._witness,
            finish_lines=self._finish_lines,
            echo=request.echo,
            mark_success=request.mark_success,
        )
        executor = InlineExecutor(
            StoreTaskControl(store, session, logs, address=callbacks.address),
            tasks,
            slots=_SLOTS,
            at_once=1,
            callers=1,
            on_slots=lambda: store.bell.ring("slots"),
            pace=loop,
            on_failure=self._on_failure,
        )
        triggerer = InlineTriggerer(
            StoreControl(store, session, logs=logs, only=run.uid),
            store.bell,
            request.clock,
            tasks=tasks,
        )
        calling = InlineCallbacks(store, executor, tasks)
        made = [
            # Tasks may name pools that a store made for one run does not have.
            *make_duties(store, executor, Scope(run.uid), Who(session, run.uid, heed_pools=False), logs),
            RunCallbacks(store, calling, Scope(run.uid), session, logs),
            AskTimetables(store, InlineTimetables(request.dag), Scope(run.uid)),
        ]
        duties = StrictDutyLoop(made, store, self._on_failure)
        self._executor = executor
        self._ready.set()
        triggering = asyncio.create_task(triggerer.run())
        duties.start()
        try:
            await self._until_over(store, run, triggering)
            await triggerer.finish_cancels()
        finally:
            await duties.stop()
            triggering.cancel()
            await asyncio.wait([triggering])
            await calling.stop()
            await executor.stop(_GRACE)

    async def _until_over(self, store: Store, run: RunRow, triggering: asyncio.Task[None]) -> None:
        """Wait until the run has ended; raises what keeps it from that."""
        assert self._is_stuck is not None
        news = store.bell.listen("history")
        while (await _view(store, run)).state not in _ENDED or await pending_callbacks(store, run.uid):
            told = asyncio.ensure_future(news.wait())
            await asyncio.wait([told, triggering, self._is_stuck], return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            if triggering.done():
                triggering.result()
            if self._is_stuck.done():
                raise await self._stuck_error(store, too_far=self._is_stuck.result())

    async def _stuck_error(self, store: Store, *, too_far: bool) -> RunStuck:
        def look(tx: Tx) -> tuple[list[WaitView], list[InstanceView]]:
            waits, _ = list_waits(tx, dag_id=self._spec.dag_id)
            rows = list_instances(tx, dag_id=self._spec.dag_id)[0]
            return waits, [row for row in rows if row.state not in ("success", "none", "skipped")]

        waits, rows = await store.read(look)
        lines = [f"  {wait.task_id} waits for {wait.subject} ({wait.kind})" for wait in waits]
        waiting = {wait.task_id for wait in waits}
        lines += [f"  {row.task_id} is {row.state}" for row in rows if row.task_id not in waiting]
        limit = self._request.time_limit
        why = (
            f"it would go on only after more than {limit} (time_limit)"
            if too_far
            else "nothing can happen any more"
        )
        way_out = "give what is waited for with events={task id: payload}"
        return RunStuck("\n".join([f"DAG {self._spec.dag_id!r} is stuck: {why}; {way_out}", *lines]))


async def _view(store: Store, run: RunRow) -> RunView:
    view = await store.read(lambda tx: get_run(tx, run.dag_id, run.run_id))
    assert view is not None
    return view


def _spec_of(dag: DAG) -> DagSpec:
    return serialize_dag(dag, file=dag.fileloc, folder=dag.dags_folder or dag.folder)


def _keep(tx: Tx, request: RunRequest) -> None:
    connections.put(tx, request.connections)
    variables.put(tx, request.variables)
