"""A process that belongs to a task: its output goes to the task's log, and it ends with the task."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from bide.model.errors import TaskError

#: By these variables the processes that a runner has left behind are found; every process must have them.
KEPT_VARIABLES: Final = ("BIDE_RUNNER", "BIDE_STORE")


class ChildProcess:
    """Runs one command at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: str | None,
        env: Mapping[str, str],
        log: logging.Logger,
        encoding: str = "utf-8",
    ) -> tuple[str, int]:
        """Run `command` to its end: the last line that it wrote, and its exit status."""
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        process = self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**env, **kept},
            process_group=0,
        )
        line = ""
        with process:
            assert process.stdout is not None
            try:
                for raw in process.stdout:
                    line = raw.decode(encoding, errors="backslashreplace").rstrip()
                    log.info("%s", line)
            except BaseException:  # a timeout, say: leaving the block waits for the process
                self.kill()
                raise
        return line, process.returncode

    def kill(self) -> None:
        """End the command and all that it has started in its process group; asked for twice, they are told once."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(process.pid, signal.SIGTERM)


def check_status(status: int, what: str, last: str = "") -> None:
    """Raise :class:`TaskError` unless `what` has ended with exit code 0; `last` is the last line of it."""
    if status < 0:
        raise TaskError(f"{what} was killed by {signal.Signals(-status).name}")
    if status != 0:
        raise TaskError(f"{what} ended with exit code {status}" + (f": {last}" if last else ""))
