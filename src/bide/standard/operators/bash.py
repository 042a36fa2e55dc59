"""Running shell commands."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Container
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bide.authoring.operator import BaseOperator
from bide.model.errors import TaskError, TaskSkipped
from bide.standard.child_process import ChildProcess, check_status
from bide.standard.context_variables import context_to_airflow_vars

if TYPE_CHECKING:
    from bide.authoring.context import Context


class BashOperator(BaseOperator):
    """Runs `bash_command` with bash; its output goes to the task's log line by line.

    The return value is the last line of output, after `output_processor`; nothing with ``do_xcom_push=False``.
    Exit code 0 is success, one of `skip_on_exit_code` (a number or several, by default 99) skips the task, any
    other fails it.

    `env` replaces the environment, or with `append_env` adds to it. `cwd` is where the command runs, by default a
    folder of its own that is removed afterwards. A command that ends with ``.sh`` or ``.bash`` names a template
    file, whose rendered text is run; a path to a script followed by a space or by arguments is simply run.
    """

    template_fields = ("bash_command", "env", "cwd")
    template_fields_renderers = {"bash_command": "bash", "env": "json"}
    template_ext = (".sh", ".bash")
    ui_color = "#f0ede4"

    def __init__(
        self,
        *,
        bash_command: str,
        env: dict[str, str] | None = None,
        append_env: bool = False,
        output_encoding: str = "utf-8",
        skip_on_exit_code: int | Container[int] | None = 99,
        skip_exit_code: int | None = None,
        cwd: str | None = None,
        output_processor: Callable[[str], Any] = lambda line: line,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.append_env = append_env
        self.output_encoding = output_encoding
        self.skip_on_exit_code = skip_on_exit_code if skip_exit_code is None else skip_exit_code
        self.cwd = cwd
        self.output_processor = output_processor
        self._child = ChildProcess()

    def execute(self, context: Context) -> Any:
        bash = shutil.which("bash") or "bash"
        with ExitStack() as stack:
            if self.cwd is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bide-bash-"))
            elif Path(self.cwd).is_dir():
                folder = self.cwd
            else:
                raise TaskError(f"task {self.task_id!r}: cwd={self.cwd!r} is no folder")
            self.log.info("running %s", self.bash_command)
            last_line, status = self._child.run(
                [bash, "-c", self.bash_command],
                cwd=folder,
                env=command_environment(context, self.env, append=self.append_env),
                log=self.log,
                encoding=self.output_encoding,
            )
        self._judge(status, last_line)
        return self.output_processor(last_line) if self.do_xcom_push else None

    def on_kill(self) -> None:
        """End the command and all that it has started in its process group."""
        self._child.kill()

    def _judge(self, status: int, last_line: str) -> None:
        skips = self.skip_on_exit_code
        if isinstance(skips, int):
            skips = (skips,)
        if skips is not None and status in skips:
            raise TaskSkipped(f"the command ended with exit code {status}, which skips the task")
        check_status(status, "the command", last_line)


def command_environment(context: Context, env: dict[str, str] | None, *, append: bool) -> dict[str, str]:
    """The environment of a task's command: `env`, or with `append` that of this process with `env` added to it."""
    environment = dict(os.environ) if env is None or append else {}
    environment.update(context_to_airflow_vars(context, in_env_var_format=True))
    environment.update({name: str(value) for name, value in (env or {}).items()})
    return environment
