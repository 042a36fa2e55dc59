"""What the operating system tells and does about processes, beyond the standard library."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_LINUX: Final = sys.platform == "linux"
# Loaded once, before any fork: a child must not have to.
_libc: Final = ctypes.CDLL(None, use_errno=True) if _LINUX else None


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent`, the process that forked it, dies. Linux only.

    Ends this process at once if `parent` is dead already: it died between the fork and this call.
    """
    if _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies (a "subreaper"), so that none gets out of sight.

    Linux only; elsewhere they go to process 1.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> bool:
    """Whether it took effect. A sandbox may forbid it; the end of the channel is the sure signal."""
    return _libc is not None and _libc.prctl(option, value, 0, 0, 0) == 0


def is_alive(pid: int) -> bool:
    """Whether there is such a process on this machine, whosever it is; one that is not reaped yet counts."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def children() -> list[int]:
    """Processes whose parent is this one, zombies included; empty where there is no /proc."""
    try:
        # One call tells that there are none, which is nearly always so.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    own = os.getpid()
    try:
        # Fast, but built into the kernel only by choice; this process has one thread that forks.
        return [int(pid) for pid in _read(f"/proc/{own}/task/{own}/children").split()]
    except OSError:
        return [pid for pid in all_processes() if parent(pid) == own]


def all_processes() -> list[int]:
    """Every process that this one can see; empty where there is no /proc."""
    if not _PROC.is_dir():
        return []
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]


def ancestors() -> set[int]:
    """The parents of this process up to the first one."""
    found: set[int] = set()
    pid = os.getppid()
    while pid > 1 and pid not in found:
        found.add(pid)
        pid = parent(pid) or 0
    return found


def was_started_with(pid: int, variables: Mapping[str, str]) -> bool:
    """Whether `variables` were in the environment that `pid` was exec'd with; False if it is gone or not ours.

    A process that was only forked has its parent's, whatever it has set since.
    """
    try:
        data = b"\0" + _read(f"/proc/{pid}/environ")
    except OSError:
        return False
    return all(b"\0" + os.fsencode(f"{name}={value}") + b"\0" in data for name, value in variables.items())


def started_with(pid: int, name: str) -> str | None:
    """The value of the variable `name` that `pid` was exec'd with; None if it had none, is gone or not ours."""
    try:
        data = b"\0" + _read(f"/proc/{pid}/environ")
    except OSError:
        return None
    _, found, rest = data.partition(b"\0" + os.fsencode(f"{name}="))
    return os.fsdecode(rest.partition(b"\0")[0]) if found else None


def parent(pid: int) -> int | None:
    """The parent of `pid`, or None if that is gone."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The second field is the command in brackets and may itself have blanks and brackets.
    return int(stat[stat.rindex(b")") + 2 :].split()[1])


def _read(path: str) -> bytes:
    """A file of the kernel. Asked for after each task, so without the layers that :func:`open` puts on top."""
    fd = os.open(path, os.O_RDONLY)
    try:
        parts: list[bytes] = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def resident_bytes() -> int:
    """Memory of this process that is in RAM, or 0 where that can't be told cheaply."""
    try:
        return int(_read("/proc/self/statm").split()[1]) * _PAGE
    except OSError:
        return 0
