"""Runs tasks in threads of this process: the calling one, and others only while that one is taken."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import queue
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from bide.control.claims import Claim
from bide.engine.executors.contract import TaskControl
from bide.testing.interrupts import InlineInterrupts
from bide.wire.frames import HEADER_SIZE, ChannelClosed, decode_frame, encode_question
from bide.wire.messages import AnyMessage, Defer, Finish, Frame, Refused, Reply, Reschedule, RunTask

T = TypeVar("T")

_log = logging.getLogger("bide.testing")

#: Seconds before a start is tried again that the store did not take, and how often that is done.
_PAUSE: Final = 0.5
_TRIES: Final = 10
_FINAL: Final = (Finish, Defer, Reschedule)


class TaskStopped(BaseException):
    """The instance has moved on, so its task is to end."""


class Pace(Protocol):
    """Is told while something is under way (:class:`bide.testing.loop.SkippingLoop`)."""

    def begin_work(self) -> None:
        """Something is under way, until :meth:`end_work`."""
        ...

    def end_work(self) -> None:
        """It is over, or waits for nothing but time."""
        ...


class RunInline(Protocol):
    """Runs one task in the calling thread; an exception that it raises ends :meth:`InlineExecutor.serve`."""

    def __call__(self, order: RunTask, line: InlineLine, interrupts: InlineInterrupts) -> None:
        """Run the task of `order`, which says what it has to say over `line`."""
        ...


@dataclass(eq=False)
class Running:
    """A task that was started."""

    order: RunTask
    interrupts: InlineInterrupts | None = None
    #: While it sleeps.
    sleep: concurrent.futures.Future[None] | None = None
    #: It has said how it ends.
    is_settled: bool = False
    is_cancelled: bool = False


@dataclass(eq=False)
class _Server:
    """A thread that runs tasks."""

    orders: queue.SimpleQueue[Running | Callable[[], None] | None] = field(
        default_factory=queue.SimpleQueue["Running | Callable[[], None] | None"]
    )
    is_idle: bool = True


class InlineLine:
    """Carries what a task says to the engine's event loop, in another thread."""

    def __init__(self, executor: InlineExecutor, running: Running) -> None:
        self._executor = executor
        self._running = running

    def send(self, body: AnyMessage, *, instance: str, epoch: int) -> None:
        """Refused: what needs no reply is about the process of a task, and there is none."""
        raise ChannelClosed(f"a task that runs inline can't say {type(body).__name__}")

    def request(self, body: AnyMessage, *, instance: str, epoch: int) -> AnyMessage:
        """Ask and wait for the answer. The message is encoded as between processes, so that it is one."""
        data = encode_question(body, request=1, instance=instance, epoch=epoch)
        return self._executor.ask(self._running, decode_frame(data[HEADER_SIZE:]))


class InlineExecutor:
    """The contract of :mod:`bide.engine.executors.contract`, without processes; to be made on the event loop.

    Of the `slots` claims that it takes, `at_once` run at the same time, not counting those in :meth:`sleep`.
    So many threads as `callers` says are lent by calling :meth:`serve`, and run tasks one after the other; further
    threads are made only while those are taken. `run` does what a worker does.

    What can't be kept: a task that kills its process kills all, and one that is to be stopped ends when its code
    goes on, since a thread can't be killed.
    """

    def __init__(
        self,
        control: TaskControl,
        run: RunInline,
        *,
        slots: int,
        at_once: int,
        callers: int,
        on_slots: Callable[[], None],
        pace: Pace | None = None,
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        """`on_failure` is told of a start that the store does not take at all."""
        self._control = control
        self._run = run
        self._slots = slots
        self._at_once = at_once
        #: Tasks that are being started or run, and don't sleep.
        self._awake = 0
        self._on_slots = on_slots
        self._pace = pace
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        #: Claims that were not begun, those that are being started among them.
        self._pending: dict[str, Claim] = {}
        self._starting: set[str] = set()
        self._started: dict[str, Running] = {}
        self._servers = [_Server() for _ in range(callers)]
        self._callers = list(self._servers)
        #: Those that wait for a turn in :meth:`lend`.
        self._borrowers: list[asyncio.Future[_Server]] = []
        self._here = threading.local()
        self._stopping = False
        self._all_ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- the contract -------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`."""

    def free_slots(self) -> int:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        return 0 if self._stopping else max(0, self._slots - len(self._pending) - len(self._started))

    def submit(self, claims: Sequence[Claim]) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        if self._stopping:
            self._spawn(self._control.give_back(claims))
            return
        self._pending.update((claim.instance.id, claim) for claim in claims)
        self._pump()

    def running(self) -> Mapping[str, int]:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        return {uid: one.order.epoch for uid, one in self._started.items() if not one.is_settled}

    def cancel(self, instance_id: str, epoch: int | None = None) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`."""
        running = self._started.get(instance_id)
        if running is not None and epoch in (None, running.order.epoch):
            running.is_cancelled = True
            self._spawn(asyncio.to_thread(_stop, running))
        elif running is None and epoch is None and self._pending.pop(instance_id, None) is not None:
            self._on_slots()

    async def stop(self, grace: float) -> None:
        """See :class:`~bide.engine.executors.contract.Executor`.

        What does not end by itself is given back and left to its thread; what it says no longer counts.
        """
        self._stopping = True
        claims = list(self._pending.values())
        self._pending.clear()
        await self._control.give_back(claims)
        self._check_all_ended()
        try:
            async with asyncio.timeout(grace):
                await self._all_ended.wait()
        except TimeoutError:
            held = [(uid, one.order.epoch) for uid, one in self._started.items() if not one.is_settled]
            await self._control.give_up_running(held, counted=False)
        for server in self._servers:
            server.orders.put(None)
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def lend(self, work: Callable[[], T]) -> T:
        """Call `work` in a thread of tasks, in its turn as if it were a task."""
        turn = self._loop.create_future()
        self._borrowers.append(turn)
        self._pump()
        try:
            server = await turn
        except asyncio.CancelledError:
            self._borrowers = [one for one in self._borrowers if one is not turn]
            raise
        done: concurrent.futures.Future[T] = concurrent.futures.Future()
        server.orders.put(lambda: _call(work, done))
        try:
            return await asyncio.wrap_future(done)
        finally:
            server.is_idle = True
            if self._pace is not None:
                self._pace.end_work()
            self._awake -= 1
            self._pump()

    # --- on the loop --------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Start what may run now."""
        while self._borrowers and self._awake < self._at_once:
            self._awake += 1
            self._borrowers.pop(0).set_result(self._take_server())
        room = self._at_once - self._awake
        # What was cleared while it runs starts again when that is over.
        held = self._starting | self._started.keys()
        claims = [claim for uid, claim in self._pending.items() if uid not in held][: max(room, 0)]
        if claims:
            self._awake += len(claims)
            self._starting.update(claim.instance.id for claim in claims)
            self._spawn(self._start(claims))

    async def _start(self, claims: Sequence[Claim]) -> None:
        orders: Sequence[RunTask] = ()
        failures = 0
        while wanted := [claim for claim in claims if claim.instance.id in self._pending]:
            try:
                orders = await self._control.start_tasks(wanted)
            except Exception as error:
                failures += 1
                if failures >= _TRIES and self._on_failure is not None:
                    self._on_failure(error)
                    return
                _log.exception("tasks can't be started now; trying again in %g s", _PAUSE)
                await asyncio.sleep(_PAUSE)
                continue
            # What was cancelled meanwhile has moved on.
            claimed = {
                claim.instance.id for claim in wanted if self._pending.pop(claim.instance.id, None) is not None
            }
            orders = [order for order in orders if order.instance.id in claimed]
            for order in orders:
                self._begin(order)
            break
        self._starting.difference_update(claim.instance.id for claim in claims)
        if len(orders) < len(claims):
            self._awake -= len(claims) - len(orders)
            self._on_slots()
            self._pump()

    def _begin(self, order: RunTask) -> None:
        running = self._started[order.instance.id] = Running(order)
        self._take_server().orders.put(running)

    def _take_server(self) -> _Server:
        if self._pace is not None:
            self._pace.begin_work()
        server = next((one for one in self._servers if one.is_idle), None) or self._add_server()
        server.is_idle = False
        return server

    def _add_server(self) -> _Server:
        server = _Server()
        self._servers.append(server)
        name = f"bide-inline-{len(self._servers)}"
        threading.Thread(target=self._serve, args=[server], name=name, daemon=True).start()
        return server

    async def _answer(self, running: Running, frame: Frame) -> Reply:
        reply = await self._control.answer(frame)
        if isinstance(frame.body, _FINAL) and (not isinstance(reply, Refused) or reply.fenced):
            running.is_settled = True
        return reply

    async def _over(self, server: _Server, running: Running, error: str) -> None:
        order = running.order
        if not running.is_settled and not running.is_cancelled:
            await self._control.lose_task(order.instance.id, order.epoch, error=error)
        server.is_idle = True
        del self._started[order.instance.id]
        if self._pace is not None:
            self._pace.end_work()
        self._awake -= 1
        self._on_slots()
        self._pump()
        self._check_all_ended()

    async def _sleep(self, seconds: float) -> None:
        if self._pace is not None:
            self._pace.end_work()
        self._awake -= 1
        self._pump()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._awake += 1
            if self._pace is not None:
                self._pace.begin_work()

    def _check_all_ended(self) -> None:
        if self._stopping and not self._started:
            self._all_ended.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- in the threads of tasks --------------------------------------------------------------------------------

    def serve(self) -> None:
        """Lend the calling thread until the executor stops; raises what its `run` raises."""
        self._serve(self._callers.pop())

    def _serve(self, server: _Server) -> None:
        while (running := server.orders.get()) is not None:
            if not isinstance(running, Running):
                running()
                continue
            self._here.running = running
            running.interrupts = InlineInterrupts()
            error = "its thread has ended before it"
            try:
                self._run(running.order, InlineLine(self, running), running.interrupts)
            except ChannelClosed:
                return
            except BaseException as failure:
                error = f"{type(failure).__name__}: {failure}"
                raise
            finally:
                self._here.running = None
                self._tell_over(server, running, error)

    def _tell_over(self, server: _Server, running: Running, error: str) -> None:
        work = self._over(server, running, error)
        try:
            asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            # The loop is closed, and nobody left to tell.
            work.close()

    def ask(self, running: Running, frame: Frame) -> Reply:
        """Have the engine answer; for :class:`InlineLine`."""
        work = self._answer(running, frame)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except concurrent.futures.CancelledError as error:
            raise ChannelClosed("the run has ended") from error
        except RuntimeError as error:
            work.close()
            raise ChannelClosed("the run has ended") from error

    def sleep(self, seconds: float, now: float) -> None:
        """Let time go by for the task of the calling thread, until its deadline at most; others run meanwhile.

        `now` in Unix seconds.
        """
        running: Running | None = getattr(self._here, "running", None)
        if running is None:
            asyncio.run_coroutine_threadsafe(self._sleep(seconds), self._loop).result()
            return
        deadline = running.order.deadline
        ends_task = deadline is not None and deadline - now <= seconds
        if deadline is not None and ends_task:
            seconds = max(deadline - now, 0.0)
        running.sleep = asyncio.run_coroutine_threadsafe(self._sleep(seconds), self._loop)
        try:
            running.sleep.result()
        except concurrent.futures.CancelledError:
            raise TaskStopped("the task has moved on while it slept") from None
        finally:
            running.sleep = None
        if ends_task and running.interrupts is not None:
            running.interrupts.expire()


def _call(work: Callable[[], T], done: concurrent.futures.Future[T]) -> None:
    try:
        result = work()
    except BaseException as error:
        done.set_exception(error)
    else:
        done.set_result(result)


def _stop(running: Running) -> None:
    if running.interrupts is not None:
        running.interrupts.raise_in_task(TaskStopped("the instance has moved on"))
    if running.sleep is not None:
        running.sleep.cancel()
