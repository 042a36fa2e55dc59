"""How a server ends: by a signal, or because it has to."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any

from bide.cli.exit_codes import ExitCode
from bide.cli.output import say
from bide.model.errors import SessionLost


def stop_signals() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; the second one ends the process at once."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(ExitCode.INTERRUPTED)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return stop


async def until_stop(
    stop: asyncio.Event,
    *,
    lost: Coroutine[Any, Any, SessionLost] | None = None,
    serving: asyncio.Task[Any] | None = None,
) -> SessionLost | None:
    """Wait for `stop`, for the end of `serving`, or until the engine has to end; then why it has to."""
    stopping = asyncio.create_task(stop.wait(), name="stop")
    losing = None if lost is None else asyncio.create_task(lost, name="lost")
    await asyncio.wait(
        [one for one in (stopping, losing, serving) if one is not None], return_when=asyncio.FIRST_COMPLETED
    )
    reason = losing.result() if losing is not None and losing.done() else None
    for one in (stopping, losing):
        if one is not None:
            one.cancel()
    if reason is None:
        say("stopping: running tasks get a moment to finish (again to stop at once)")
    return reason
