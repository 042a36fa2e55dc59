"""Processes that a runner has started and left behind: found by a mark in their environment, and killed.

Each runner has :data:`RUNNER_VARIABLE` and :data:`STORE_VARIABLE` in its environment; whatever it starts
inherits them, through any number of shells and daemons. The template process is started with the latter, so
that children which were only forked carry it too. Without /proc nothing is found; there the process group is
all that gets killed.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bide.observe import processes

#: Names the runner. Operators that give a child an environment of their own keep both variables.
RUNNER_VARIABLE: Final = "BIDE_RUNNER"
#: Names the store, and so the engine, that the runner belongs to.
STORE_VARIABLE: Final = "BIDE_STORE"

#: How often to look again: a process that forks while it is looked for is found in one of the next rounds.
_ROUNDS: Final = 20
#: Seconds without any of the killed processes ending, after which the others are taken to hang in the kernel.
_PATIENCE: Final = 0.5


def find_marked(store: str, label: str | None = None) -> list[int]:
    """Processes of the store with id `store`, or only those that its runner `label` started.

    Never this process or one that it descends from.
    """
    wanted = {STORE_VARIABLE: store}
    if label is not None:
        wanted[RUNNER_VARIABLE] = label
    spared = {os.getpid(), *processes.ancestors()}
    return [
        pid for pid in processes.all_processes() if pid not in spared and processes.was_started_with(pid, wanted)
    ]


def kill_marked(store: str, label: str | None = None) -> set[int]:
    """Kill all that :func:`find_marked` finds, until it finds nothing more; returns what was killed.

    The template process is marked too: an engine calls this without `label` before it starts its own.
    """
    return _kill_until_none(lambda: find_marked(store, label))


def kill_leftovers(family: str) -> set[int]:
    """Kill what engines have left that died on this host: processes whose store's id is `family`, a hyphen, and the
    id of a process that is gone. Returns what was killed."""
    prefix = f"{family}-"
    spared = {os.getpid(), *processes.ancestors()}
    marks = {processes.started_with(pid, STORE_VARIABLE) for pid in processes.all_processes() if pid not in spared}
    killed: set[int] = set()
    for mark in marks:
        if mark is not None and mark.startswith(prefix) and not _runs(mark.removeprefix(prefix)):
            killed |= kill_marked(mark)
    return killed


def _runs(pid: str) -> bool:
    # What is no number is none of this family's marks, and is spared.
    return not pid.isdecimal() or processes.is_alive(int(pid))


def kill_group(leader: int) -> None:
    """Kill the process group that `leader` leads, if there still is one."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # PermissionError is what macOS says of a group that has only zombies left.
        return


def kill_orphans(known: Callable[[int], bool]) -> set[int]:
    """Kill the children of this process that are not `known`: adopted from runners that died.

    Each dies in turn into the arms of this process, so their own children follow. The dead are reaped.
    """

    def orphans() -> list[int]:
        return [pid for pid in processes.children() if not known(pid) and not _reaped(pid)]

    return _kill_until_none(orphans)


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _kill_until_none(find: Callable[[], list[int]]) -> set[int]:
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        found = find()
        if not found:
            break
        killed.update(_kill(found))
    return killed


def _kill(pids: list[int]) -> list[int]:
    """Kill `pids` and wait until they are dead; those that were still there."""
    handles: dict[int, int] = {}
    try:
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                handles[pid] = os.pidfd_open(pid)
                signal.pidfd_send_signal(handles[pid], signal.SIGKILL)
        _wait(list(handles.values()))
    finally:
        for handle in handles.values():
            os.close(handle)
    return list(handles)


def _wait(handles: list[int]) -> None:
    """Wait for the end of killed processes, but not for one that hangs in the kernel."""
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)
    alive = set(handles)
    while alive and (ended := poll.poll(_PATIENCE * 1000)):
        for handle, _ in ended:
            poll.unregister(handle)
            alive.discard(handle)
