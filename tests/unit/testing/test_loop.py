"""The loop that skips: when it jumps, and above all when it does not."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bide.testing.clock import RealClock, SkippingClock
from bide.testing.loop import NothingHappens, SkippingLoop, user_code

DAY = 86_400.0

Run = Callable[..., Any]


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock()


@pytest.fixture
def run(clock: SkippingClock) -> Run:
    """Runs a coroutine of a user in a skipping loop."""

    def run(work: Coroutine[Any, Any, Any], stuck: Callable[[bool], None] = lambda too_far: None) -> Any:
        async def as_user() -> Any:
            with user_code():
                return await asyncio.create_task(work)

        def make() -> SkippingLoop:
            return SkippingLoop(clock, longest=366 * DAY, stuck=stuck)

        with asyncio.Runner(loop_factory=make) as runner:
            return runner.run(as_user())

    return run


def test_a_sleep_of_a_week_takes_no_time(run: Run, clock: SkippingClock) -> None:
    before = clock.now()
    run(asyncio.sleep(7 * DAY))
    assert 7 * DAY <= (clock.now() - before).total_seconds() < 7 * DAY + 10
    assert clock.skipped.total_seconds() == pytest.approx(7 * DAY, abs=10)


def test_sleepers_wake_in_order(run: Run) -> None:
    woken: list[int] = []

    async def sleeper(days: int) -> None:
        await asyncio.sleep(days * DAY)
        woken.append(days)

    async def main() -> None:
        await asyncio.gather(*(sleeper(days) for days in (3, 1, 2)))

    run(main())
    assert woken == [1, 2, 3]


def test_a_timeout_does_not_overtake_a_thread(run: Run) -> None:
    """Time passes as outside while a call runs in a thread: the timeout of an hour must not fire."""
    begun, go = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        go.wait(30)
        return "done"

    async def main() -> str:
        async with asyncio.timeout(3600):
            call = asyncio.create_task(asyncio.to_thread(work))
            await asyncio.to_thread(begun.wait)
            asyncio.get_running_loop().call_soon(go.set)
            return await call

    assert run(main()) == "done"


def test_a_timeout_does_not_overtake_a_child_process(run: Run, clock: SkippingClock) -> None:
    async def main() -> bytes:
        async with asyncio.timeout(3600):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", "import sys; sys.stdin.read(1); print('done')", stdin=-1, stdout=-1
            )
            assert child.stdin is not None
            child.stdin.write(b"x")
            child.stdin.close()
            out, _ = await child.communicate()
            return out

    assert run(main()) == b"done\n"
    assert clock.skipped.total_seconds() < 3600


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, asyncio.StreamWriter]]:
    """Both ends of a connection: reader and writer of the one, writer of the other."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    _, far = await asyncio.open_connection(sock=theirs)
    yield reader, writer, far
    for one in (writer, far):
        one.close()
        await one.wait_closed()


def test_a_timeout_does_not_overtake_a_socket(run: Run) -> None:
    async def main() -> bytes:
        async with connected() as (reader, _, far), asyncio.timeout(3600):
            # The answer comes from elsewhere, some time later.
            loop = asyncio.get_running_loop()
            answer = asyncio.create_task(reader.readline())
            await asyncio.to_thread(loop.call_soon_threadsafe, far.write, b"done\n")
            return await answer

    assert run(main()) == b"done\n"


def test_while_a_coroutine_waits_for_a_socket_time_is_that_outside(run: Run, clock: SkippingClock) -> None:
    async def main() -> None:
        async with connected() as (reader, _, _):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await reader.readline()

    run(main())
    assert clock.skipped.total_seconds() == 0


def test_a_connection_that_is_kept_open_does_not_hold_up_a_sleep(run: Run, clock: SkippingClock) -> None:
    async def main() -> None:
        async with connected():
            await asyncio.sleep(DAY)

    run(main())
    assert clock.skipped.total_seconds() > DAY - 10


def test_a_thread_of_user_code_is_waited_for(run: Run) -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[str] = loop.create_future()
        go = threading.Event()

        def work() -> None:
            go.wait(30)
            loop.call_soon_threadsafe(told.set_result, "told")

        threading.Thread(target=work, name="library").start()
        loop.call_soon(go.set)
        async with asyncio.timeout(3600):
            return await told

    assert run(main()) == "told"


def test_waiting_for_what_never_comes_is_told_at_once(run: Run) -> None:
    told: list[bool] = []

    async def main() -> None:
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def wait() -> None:
            await never

        waiting.append(never)
        await wait()

    waiting: list[asyncio.Future[None]] = []

    def stuck(too_far: bool) -> None:
        told.append(too_far)
        waiting[0].set_result(None)

    run(main(), stuck)
    assert told == [False]


def test_what_is_too_far_away_is_told(run: Run, clock: SkippingClock) -> None:
    told: list[bool] = []

    def stuck(too_far: bool) -> None:
        told.append(too_far)

    run(asyncio.sleep(400 * DAY), stuck)
    assert told[:1] == [True]


def test_a_loop_that_is_stuck_for_good_ends(run: Run) -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(NothingHappens):
        run(main())


def test_a_real_clock_skips_nothing() -> None:
    clock = RealClock()

    def make() -> SkippingLoop:
        return SkippingLoop(clock, longest=DAY, stuck=lambda too_far: None)

    begun = time.monotonic()
    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(asyncio.sleep(0.05))
    assert time.monotonic() - begun >= 0.05
    assert clock.skipped.total_seconds() == 0


def test_a_clock_outside_of_a_run_skips_a_sleep_at_once(clock: SkippingClock) -> None:
    before = clock.now()
    clock.sleep(DAY)
    assert (clock.now() - before).total_seconds() >= DAY
