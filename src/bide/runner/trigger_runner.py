"""The trigger runner: a process with one event loop that runs many triggers."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import signal
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from bide.authoring.inputs import stamp_of
from bide.authoring.runtime import use_runtime
from bide.authoring.trigger import BaseTrigger
from bide.model.clock import Clock
from bide.observe.clock import SystemClock
from bide.observe.log import PathSink, context_sink, install
from bide.observe.streams import CapturedStreams
from bide.runner.failures import described, one_line
from bide.runner.held_trigger import TaskOwners, hold, log_of, progress_of
from bide.runner.importing import Importer, ImportHangs
from bide.runner.loop_watch import Culprit, LoopWatch
from bide.runner.operator_kills import call_on_kill, path_to_kill
from bide.runner.questions import Questions, TriggerRuntime
from bide.runner.settings import setting
from bide.runner.start_waits import StartWaits
from bide.runner.trigger_classes import ClassPath, FoundClass, NotHere, TriggerClasses, class_path
from bide.runner.trigger_pool import TriggerPool
from bide.runner.trigger_threads import run_to_its_end
from bide.wire.async_channel import AsyncChannel
from bide.wire.frames import ChannelClosed
from bide.wire.lookups import ConnectionFound, VariableFound
from bide.wire.messages import (
    AnyMessage,
    ArmStarts,
    ArmTriggers,
    AskLooks,
    DropTriggers,
    Frame,
    Looks,
    LoopBlocked,
    Ok,
    OnKillDone,
    Ping,
    Pong,
    Refused,
    Retiring,
    RunAnswer,
    RunOnKill,
    StartLoad,
    Stop,
    TriggerDropped,
    TriggerEnded,
    TriggerLoad,
    XComs,
)
from bide.wire.progress import Progress
from bide.wire.stream_messages import EventsStored

_log = logging.getLogger("bide.runner")

#: Threads for plain ``poll()`` methods; they start as they are needed.
_THREADS: Final = 64
#: Triggers that are built in one turn of the loop.
_PER_TURN: Final = 50
#: Seconds that triggers get for their cleanup when this process is told to stop.
_STOP_LIMIT: Final = 5.0


def main(sock: socket.socket, label: str) -> int:
    """Run triggers that come over `sock` until it closes or says Stop."""
    CapturedStreams().install()
    install(setting("logging", "level") or logging.INFO)
    clock = SystemClock()
    runtime = TriggerRuntime(clock)
    with use_runtime(runtime, in_all_threads=True):
        # Not asyncio.run(), which would wait for a plain poll() that hangs in its thread.
        loop = asyncio.new_event_loop()
        run_to_its_end(loop, loop.create_task(_serve(sock, clock, runtime)))
    return 0


async def _serve(sock: socket.socket, clock: Clock, runtime: TriggerRuntime) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="poll"))
    runner = TriggerRunner(await AsyncChannel.open(sock), clock)
    runtime.ask = runner.questions.ask_now
    watch = LoopWatch(loop, clock, runner.culprit, runner.tell_of_block)
    watch.start()
    serving = asyncio.create_task(runner.serve())
    loop.add_signal_handler(signal.SIGTERM, runner.end, serving)
    while not serving.done():
        # Nobody but the engine ends this process: not a trigger that cancels whatever tasks it finds.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([serving])
    await runner.stop()
    watch.stop()
    if not serving.cancelled():
        serving.result()


class TriggerRunner:
    """Does what the engine says, in one event loop."""

    def __init__(self, channel: AsyncChannel, clock: Clock) -> None:
        self._channel = channel
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._owners = TaskOwners(self._loop)
        self.questions = Questions(channel, clock)
        self._importer = Importer(TriggerClasses(lambda: bool(self._pool) or self._pool.closing))
        self._pool = TriggerPool(self._loop, self._tell)
        self._starts = StartWaits(self.questions, clock, self._importer)
        self._ending = False
        #: Asked for, and not built yet.
        self._arming: dict[str, TriggerLoad] = {}
        #: The one whose constructor runs.
        self._building: TriggerLoad | None = None
        self._obligations: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Take messages until the engine is gone or says Stop."""
        while True:
            try:
                frame = await self._channel.receive()
            except ChannelClosed:
                return
            except asyncio.CancelledError:
                if self._ending:
                    return
                _log.error("code of a trigger has cancelled what serves all of them, which goes on")
                continue
            if isinstance(frame.body, Stop):
                return
            self._take(frame)

    def end(self, serving: asyncio.Task[None]) -> None:
        """Have `serving`, which is this runner's :meth:`serve`, return."""
        self._ending = True
        serving.cancel()

    async def stop(self) -> None:
        """End all triggers, with their cleanups; each is told of as soon as another process may have it."""
        for wait_id in [*self._arming, *self._starts.drop_all()]:
            self._tell(TriggerDropped(wait_id))
        self._arming.clear()
        for task in list(self._tasks):
            task.cancel()
        await self._pool.close(_STOP_LIMIT)
        await self._channel.drain()

    def culprit(self, task: asyncio.Task[Any] | None) -> Culprit | None:
        """Whose code `task` runs; called from another thread while the loop is blocked."""
        held = self._pool.owner_of(task)
        if held is not None:
            return Culprit(held.load, type(held.trigger), log_of(held.load))
        load = self._building or self._owners.load_of(task)
        if load is None:
            return None
        held = self._pool.get(load.wait_id)
        return Culprit(load, None if held is None else type(held.trigger), log_of(load))

    def tell_of_block(self, culprit: Culprit) -> None:
        """Tell the engine who blocks the loop; called from another thread while it does."""
        load = culprit.load
        source = _source_of(culprit.cls)
        self._channel.send_beside(
            LoopBlocked(load.wait_id, load.classpath, load.dag_folder, source or "", stamp_of(source or ""))
        )

    def _take(self, frame: Frame) -> None:
        body = frame.body
        if isinstance(body, Ping):
            holding = len(self._pool) + len(self._arming) + len(self._starts)
            self._tell(Pong(body.number, holding=holding), frame.request)
        elif isinstance(body, Ok | Refused | XComs | ConnectionFound | VariableFound | RunAnswer):
            self.questions.take_reply(frame)
        elif isinstance(body, ArmStarts):
            self._spawn(self._make_starts(body.starts))
        elif isinstance(body, ArmTriggers):
            wanted = [load for load in body.triggers if self._is_newer(load)]
            # Noted at once: the order to drop one may be the next message.
            self._arming.update((load.wait_id, load) for load in wanted)
            self._spawn(self._arm(wanted, in_threads=body.in_threads))
        elif isinstance(body, DropTriggers):
            for wait_id in body.wait_ids:
                self._drop(wait_id)
        elif isinstance(body, EventsStored):
            self._pool.on_stored(body)
        elif isinstance(body, RunOnKill):
            self._spawn(self._run_on_kill(body))
        elif isinstance(body, AskLooks):
            self._tell(self._looks(body), frame.request)
        else:
            _log.error("the engine sent a %s, which a trigger runner can't take", type(body).__name__)

    def _tell(self, body: AnyMessage, request: int = 0) -> None:
        try:
            self._channel.send(body, request=request)
        except ChannelClosed:
            # serve() learns of it too, and ends the process.
            _log.debug("the engine is gone; %s was not sent", type(body).__name__)

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _make_starts(self, starts: Sequence[StartLoad]) -> None:
        try:
            await self._starts.make(starts, self._tell)
        except NotHere as why:
            self._retire(why, {start.wait_id: start for start in starts if self._starts.makes(start)})

    # --- arming and dropping -----------------------------------------------------------------------------------

    async def _arm(self, loads: Sequence[TriggerLoad], *, in_threads: bool) -> None:
        paths = {load.wait_id: _path_of(load) for load in loads}
        try:
            classes = await self._importer.resolve(list(dict.fromkeys(paths.values())))
        except NotHere as why:
            self._retire(why, {load.wait_id: load for load in loads if self._arming.get(load.wait_id) is load})
            return
        await self.questions.kept.fetch(loads)
        for place, load in enumerate(loads):
            if place % _PER_TURN == _PER_TURN - 1:
                await asyncio.sleep(0)
            if self._arming.get(load.wait_id) is load:
                await self._replace(load.wait_id)
            if self._arming.get(load.wait_id) is load:
                # Nothing is awaited from here on.
                del self._arming[load.wait_id]
                self._start(load, classes[paths[load.wait_id]], place, in_thread=in_threads)

    def _retire(self, why: NotHere, wanted: Mapping[str, TriggerLoad | StartLoad]) -> None:
        """Leave these, and all that come later, to another process; what runs here goes on with the code it has.

        What an import that does not end is for fails: it would not end elsewhere either.
        """
        self._tell(Retiring(str(why).partition("\n")[0]))
        for wait_id, load in wanted.items():
            self._arming.pop(wait_id, None)
            self._starts.drop(wait_id)
            if isinstance(why, ImportHangs) and why.concerns(_path_of(load)):
                self._fail(load, why)
            else:
                self._tell(TriggerDropped(wait_id))

    def _fail(self, load: TriggerLoad | StartLoad, error: BaseException) -> None:
        path = load.log_path if isinstance(load, TriggerLoad) else load.order.log_path
        with context_sink(PathSink(path)):
            _log.error("Trigger can't be started: %s", error)
        self._tell(TriggerEnded(load.wait_id, load.token, error=one_line(error)))

    def _is_newer(self, load: TriggerLoad) -> bool:
        held = self._pool.get(load.wait_id)
        known = [one.token for one in (held.load if held else None, self._arming.get(load.wait_id)) if one]
        return all(load.token > token for token in known)

    async def _replace(self, wait_id: str) -> None:
        """A newer lease of the same wait: the older one ends first, and nobody hears of it."""
        over = self._pool.drop(wait_id, tell=False)
        if over is not None:
            await over.wait()

    def _start(self, load: TriggerLoad, cls: FoundClass, place: int, *, in_thread: bool) -> None:
        sink = log_of(load)
        self._building = load
        try:
            with context_sink(sink):
                if isinstance(cls, BaseException):
                    raise cls
                held = hold(cls, load)
            self._pool.add(held, place, in_thread=in_thread)
        except BaseException as error:
            with context_sink(sink):
                _log.error("Trigger can't be started: %s", described(error))
            self._tell(TriggerEnded(load.wait_id, load.token, error=one_line(error)))
        finally:
            self._building = None

    def _drop(self, wait_id: str) -> None:
        self._arming.pop(wait_id, None)
        self._starts.drop(wait_id)
        if self._pool.drop(wait_id, tell=True) is None:
            self._tell(TriggerDropped(wait_id))

    # --- the rest ----------------------------------------------------------------------------------------------

    async def _run_on_kill(self, order: RunOnKill) -> None:
        """Have the trigger, or the operator that waits for it, cancel the work outside."""
        if order.obligation_id in self._obligations:
            return
        self._obligations.add(order.obligation_id)
        error = ""
        path = path_to_kill(order.load)
        with context_sink(PathSink(order.load.log_path)):
            try:
                classes = await self._importer.resolve([path])
                await call_on_kill(classes[path], order.load)
            except asyncio.CancelledError:
                # This process stops: whoever takes over runs it again.
                raise
            except BaseException as failure:
                if isinstance(failure, NotHere):
                    self._retire(failure, {})
                _log.error("External work not cancelled: on_kill() failed: %s", described(failure))
                error = one_line(failure)
            finally:
                self._obligations.discard(order.obligation_id)
        self._tell(OnKillDone(order.obligation_id, error))

    def _looks(self, question: AskLooks) -> Looks:
        now = self._clock.now().timestamp()
        seconds = {wait_id: self._pool.next_look(wait_id) for wait_id in question.wait_ids}
        return Looks(
            {wait_id: now + left for wait_id, left in seconds.items() if left is not None},
            {wait_id: found for wait_id in question.wait_ids if (found := self._progress(wait_id)) is not None},
            self._pool.polls.stats.told(),
        )

    def _progress(self, wait_id: str) -> Progress | None:
        held = self._pool.get(wait_id)
        return None if held is None else progress_of(held.trigger)


def _path_of(load: TriggerLoad | StartLoad) -> ClassPath:
    if isinstance(load, StartLoad):
        return class_path("", load.order.dag_file, load.order.dag_folder)
    return class_path(load.classpath, load.dag_file, load.dag_folder)


def _source_of(cls: type[BaseTrigger] | None) -> str | None:
    """The file that a class is defined in."""
    try:
        return None if cls is None else inspect.getsourcefile(cls)
    except TypeError:
        return None
