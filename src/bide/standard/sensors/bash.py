"""Waiting for a shell command to succeed."""

from __future__ import annotations

import shutil
import tempfile
from typing import TYPE_CHECKING

from bide.authoring.sensor import BaseSensorOperator
from bide.standard.child_process import ChildProcess, check_status
from bide.standard.operators.bash import command_environment

if TYPE_CHECKING:
    from bide.authoring.context import Context


class BashSensor(BaseSensorOperator):
    """Runs `bash_command` until it ends with exit code 0; its output goes to the task's log.

    Any other code means "not yet"; with `retry_exit_code` only that one does, and others fail the sensor. `env`
    replaces the environment.
    """

    template_fields = ("bash_command", "env")
    template_ext = (".sh", ".bash")
    template_fields_renderers = {"bash_command": "bash", "env": "json"}

    def __init__(
        self,
        *,
        bash_command: str,
        env: dict[str, str] | None = None,
        output_encoding: str = "utf-8",
        retry_exit_code: int | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]
        self.bash_command = bash_command
        self.env = env
        self.output_encoding = output_encoding
        self.retry_exit_code = retry_exit_code
        self._child = ChildProcess()

    def poke(self, context: Context) -> bool:
        with tempfile.TemporaryDirectory(prefix="bide-bash-") as folder:
            _, status = self._child.run(
                [shutil.which("bash") or "bash", "-c", self.bash_command],
                cwd=folder,
                env=command_environment(context, self.env, append=False),
                log=self.log,
                encoding=self.output_encoding,
            )
        self.log.info("the command ended with exit code %d", status)
        if status != 0 and self.retry_exit_code is not None and status != self.retry_exit_code:
            check_status(status, "the command")
        return status == 0

    def on_kill(self) -> None:
        """End the command and all that it has started in its process group."""
        self._child.kill()
