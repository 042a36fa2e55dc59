"""Running shell commands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Container
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bide.authoring.operator import BaseOperator
from bide.model.errors import TaskError, TaskSkipped

if TYPE_CHECKING:
    from bide.authoring.context import Context

#: By these variables the processes that a runner has left behind are found; every process must have them.
_KEPT: Final = ("BIDE_RUNNER", "BIDE_STORE")


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
        cwd: str | None = None,
        output_processor: Callable[[str], Any] = lambda line: line,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.append_env = append_env
        self.output_encoding = output_encoding
        self.skip_on_exit_code = skip_on_exit_code
        self.cwd = cwd
        self.output_processor = output_processor
        self._process: subprocess.Popen[bytes] | None = None

    def execute(self, context: Context) -> Any:
        bash = shutil.which("bash") or "bash"
        with ExitStack() as stack:
            if self.cwd is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bide-bash-"))
            elif Path(self.cwd).is_dir():
                folder = self.cwd
            else:
                raise TaskError(f"task {self.task_id!r}: cwd={self.cwd!r} is no folder")
            last_line, status = self._run([bash, "-c", self.bash_command], folder, self._environment(context))
        self._judge(status)
        return self.output_processor(last_line) if self.do_xcom_push else None

    def on_kill(self) -> None:
        """End the command and all that it has started in its process group; asked for twice, they are told once."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(process.pid, signal.SIGTERM)

    def _run(self, command: list[str], folder: str, environment: dict[str, str]) -> tuple[str, int]:
        """Run `command` to its end: the last line that it wrote, and its exit status."""
        self.log.info("running %s", self.bash_command)
        process = self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            process_group=0,
        )
        line = ""
        with process:
            assert process.stdout is not None
            try:
                for raw in process.stdout:
                    line = raw.decode(self.output_encoding, errors="backslashreplace").rstrip()
                    self.log.info("%s", line)
            except BaseException:  # a timeout, say: leaving the block waits for the process
                self.on_kill()
                raise
        return line, process.returncode

    def _judge(self, status: int) -> None:
        skips = self.skip_on_exit_code
        if isinstance(skips, int):
            skips = (skips,)
        if skips is not None and status in skips:
            raise TaskSkipped(f"the command ended with exit code {status}, which skips the task")
        if status < 0:
            raise TaskError(f"the command was killed by {signal.Signals(-status).name}")
        if status != 0:
            raise TaskError(f"the command ended with exit code {status}")

    def _environment(self, context: Context) -> dict[str, str]:
        environment = dict(os.environ) if self.env is None or self.append_env else {}
        environment.update(_names_of(context))
        environment.update({name: str(value) for name, value in (self.env or {}).items()})
        environment.update({name: os.environ[name] for name in _KEPT if name in os.environ})
        return environment


def _names_of(context: Context) -> dict[str, str]:
    """Who runs here, in the variables that Airflow sets for it."""
    instance: Any = context["ti"]
    values = {
        "DAG_ID": instance.dag_id,
        "TASK_ID": instance.task_id,
        "DAG_RUN_ID": instance.run_id,
        "TRY_NUMBER": instance.try_number,
        "EXECUTION_DATE": context.get("ts"),
    }
    return {f"AIRFLOW_CTX_{name}": str(value) for name, value in values.items() if value is not None}
