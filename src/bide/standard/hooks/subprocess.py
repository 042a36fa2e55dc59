"""Running commands."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from bide.authoring.hook import BaseHook
from bide.standard.child_process import ChildProcess


class SubprocessResult(NamedTuple):
    """How a command ended, and the last line that it wrote."""

    exit_code: int
    output: str


class SubprocessHook(BaseHook):
    """Runs commands whose output goes to the log; they end with the task at the latest."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._child = ChildProcess()

    def run_command(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        output_encoding: str = "utf-8",
        cwd: str | None = None,
    ) -> SubprocessResult:
        """Run a command to its end, in `cwd`, else in a folder of its own that is removed afterwards.

        `env` is its whole environment; by default it has that of this process. A negative exit code is the signal
        that ended it.
        """
        self.log.info("running %s", list(command))
        environment = dict(os.environ if env is None else env)
        with nullcontext(cwd) if cwd is not None else tempfile.TemporaryDirectory(prefix="bide-command-") as folder:
            line, status = self._child.run(
                command, cwd=folder, env=environment, log=self.log, encoding=output_encoding
            )
        self.log.info("the command ended with %d", status)
        return SubprocessResult(exit_code=status, output=line)

    def send_sigterm(self) -> None:
        """End the command that runs, and what it has started."""
        self._child.kill()
