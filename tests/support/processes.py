"""Waiting for real processes."""

from __future__ import annotations

import asyncio
import os
import select


async def until_gone(pid: int, timeout: float = 10.0) -> None:
    """Wait for the end of a process, whosever child it is."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(timeout):
            await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def alive(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        return not select.select([handle], [], [], 0)[0]
    finally:
        os.close(handle)
