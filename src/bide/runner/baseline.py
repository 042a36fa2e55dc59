"""The state of a warm worker between tasks: what one task changes must not reach the next."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from bide.observe import processes
from bide.observe.log import LoggerState, install
from bide.runner.settings import setting

#: Signals whose handlers tasks may set.
_SIGNALS: Final = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGPIPE,
    signal.SIGALRM,
    signal.SIGTERM,
    signal.SIGCHLD,
    signal.SIGCONT,
    signal.SIGTSTP,
    signal.SIGVTALRM,
    signal.SIGPROF,
    signal.SIGWINCH,
)


class Baseline:
    """State of the process after its DAG file was imported, to go back to after each task."""

    def __init__(self) -> None:
        """Take the state as it is now."""
        self._cwd = Path.cwd()
        self._environment = dict(os.environ)
        self._umask = _read_umask()
        self._handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        self._path = list(sys.path)
        self._streams = sys.stdout, sys.stderr
        self._loggers = LoggerState()
        self._threads = set(threading.enumerate())
        self._children = set(processes.children())
        self.memory = processes.resident_bytes()

    def restore(self) -> None:
        """Go back to the state that was taken; what can't be undone is for :meth:`leftovers` to tell."""
        if _cwd() != self._cwd:
            os.chdir(self._cwd)
        if os.environ != self._environment:
            self._restore_environment()
        os.umask(self._umask)
        for number, handler in self._handlers.items():
            if signal.getsignal(number) != handler and handler is not None:
                signal.signal(number, handler)
        if sys.path != self._path:
            sys.path[:] = self._path
        sys.stdout, sys.stderr = self._streams
        self._loggers.restore()
        install(setting("logging", "level") or logging.INFO)

    def leftovers(self) -> str | None:
        """Threads or processes that were not there before, for people; None if there are none."""
        threads = [thread.name for thread in threading.enumerate() if thread not in self._threads]
        if threads:
            return f"threads were left running: {', '.join(sorted(threads))}"
        children = self._live_children()
        if children:
            return f"processes were left running: {', '.join(map(str, children))}"
        return None

    def knows_child(self, pid: int) -> bool:
        """Whether the process `pid` was there when the state was taken."""
        return pid in self._children

    def _restore_environment(self) -> None:
        for name in set(os.environ) - set(self._environment):
            del os.environ[name]
        for name, value in self._environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value

    def _live_children(self) -> list[int]:
        try:
            # One call tells that there are none, which is nearly always so.
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return []
        return [pid for pid in processes.children() if pid not in self._children and not _is_reaped(pid)]


def _is_reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _read_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _cwd() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None
