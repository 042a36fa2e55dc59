"""Running a Python function with another interpreter."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bide.authoring.calling import accepted_arguments
from bide.authoring.operator_checks import check_choice, name_of
from bide.authoring.python import PythonOperator
from bide.authoring.skipping import BranchMixin
from bide.authoring.task_calls import CONTEXT_NAMES
from bide.model.errors import InvalidArgument, TaskError, TaskSkipped
from bide.standard.child_process import ChildProcess, check_status
from bide.standard.function_source import script_of

if TYPE_CHECKING:
    from bide.authoring.context import Context

SERIALIZERS: Final = ("pickle", "cloudpickle", "dill")
#: What of the context another interpreter can be given; moments arrive as pendulum's if it has that.
_PLAIN_NAMES: Final = (
    "ds",
    "ds_nodash",
    "params",
    "run_id",
    "task_instance_key_str",
    "templates_dict",
    "test_mode",
    "try_number",
    "ts",
    "ts_nodash",
    "ts_nodash_with_tz",
)
_MOMENTS: Final = ("data_interval_end", "data_interval_start", "execution_date", "logical_date", "start_date")


class OtherInterpreterOperator(PythonOperator):
    """Runs `python_callable` in a process of another interpreter; the base of the operators that do so.

    The function is taken out of the DAG file alone: it has to import what it uses, and sees nothing of the file.
    It gets `op_args`, `op_kwargs` and what it names of the context that can be taken along (dates, ids, params),
    and ``virtualenv_string_args`` as a global name with `string_args`. Arguments and result travel by
    `serializer`: pickle, or cloudpickle or dill, which then have to be installed on both sides. `skip_on_exit_code`
    skips the task when the process ends with such a code. `env_vars` are added to the environment, or replace it
    without `inherit_env`.
    """

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        serializer: str | None = None,
        use_dill: bool = False,
        string_args: Iterable[str] | None = None,
        expect_airflow: bool = True,
        skip_on_exit_code: int | Container[int] | None = None,
        env_vars: dict[str, str] | None = None,
        inherit_env: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, **kwargs)
        of = name_of(self)
        self.serializer = serializer or ("dill" if use_dill else "pickle")
        check_choice(self.serializer, SERIALIZERS, "serializer", of)
        self.string_args = list(string_args or ())
        self.expect_airflow = expect_airflow
        self.skip_on_exit_code = skip_on_exit_code
        self.env_vars = env_vars
        self.inherit_env = inherit_env
        self._child = ChildProcess()
        script_of(python_callable, serializer=self.serializer, of=of)

    @abstractmethod
    def interpreter(self) -> AbstractContextManager[str]:
        """The path of the interpreter, to be used inside."""

    def determine_kwargs(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """What the function is given by name: moments of the context as ISO 8601 text, see :attr:`_moments`."""
        taken = {name: context[name] for name in (*_PLAIN_NAMES, *_MOMENTS) if name in context}
        if "params" in taken:
            taken["params"] = dict(taken["params"])
        kwargs = accepted_arguments(self.python_callable, self.op_args, taken, self.op_kwargs)
        wanted = accepted_arguments(self.python_callable, self.op_args, dict.fromkeys(CONTEXT_NAMES), {})
        left = sorted(name for name in wanted if name not in kwargs and self._is_required(name))
        if left:
            raise InvalidArgument(
                f"task {self.task_id!r}: {', '.join(left)} can't be taken into another interpreter; what can is "
                f"{', '.join((*_PLAIN_NAMES, *_MOMENTS))}"
            )
        return kwargs

    def _is_required(self, name: str) -> bool:
        import inspect

        parameter = inspect.signature(self.python_callable).parameters.get(name)
        return parameter is not None and parameter.default is parameter.empty

    def execute_callable(self) -> Any:
        moments = {
            name: self.op_kwargs[name].isoformat()
            for name in _MOMENTS
            if isinstance(self.op_kwargs.get(name), datetime)
        }
        kwargs = {name: value for name, value in self.op_kwargs.items() if name not in moments}
        call = {"args": self.op_args, "kwargs": kwargs, "moments": moments, "string_args": self.string_args}
        with tempfile.TemporaryDirectory(prefix="bide-python-") as folder, self.interpreter() as python:
            return self._call(python, Path(folder), call)

    def _call(self, python: str, folder: Path, call: dict[str, Any]) -> Any:
        serializer: Any = pickle if self.serializer == "pickle" else importlib.import_module(self.serializer)
        script, given, result, failure = (folder / name for name in ("script.py", "call", "result", "failure"))
        script.write_text(
            script_of(self.python_callable, serializer=self.serializer, of=name_of(self)), encoding="utf-8"
        )
        try:
            given.write_bytes(serializer.dumps(call, protocol=4))
        except Exception as error:
            raise InvalidArgument(
                f"task {self.task_id!r}: the arguments can't be taken into another interpreter by "
                f"{self.serializer}: {error}"
            ) from error
        environment = dict(os.environ) if self.inherit_env else {}
        environment.update(self.env_vars or {})
        _, status = self._child.run(
            [python, "-u", str(script), str(given), str(result), str(failure)],
            cwd=str(folder),
            env=environment,
            log=self.log,
        )
        self._judge(status, failure)
        try:
            return serializer.loads(result.read_bytes())
        except Exception as error:
            raise TaskError(
                f"what {self.python_callable.__name__}() returned can't be read here: {error}"
            ) from error

    def _judge(self, status: int, failure: Path) -> None:
        skips = self.skip_on_exit_code
        if isinstance(skips, int):
            skips = (skips,)
        if skips is not None and status in skips:
            raise TaskSkipped(f"the process ended with exit code {status}, which skips the task")
        if status != 0 and failure.exists():
            raise TaskError(f"{self.python_callable.__name__}() raised {json.loads(failure.read_text())}")
        check_status(status, "the process")

    def on_kill(self) -> None:
        """End the process and all that it has started in its process group."""
        self._child.kill()


class ExternalPythonOperator(OtherInterpreterOperator):
    """Runs `python_callable` with the interpreter `python`, as of a virtual environment that is there already."""

    template_fields = ("python", *PythonOperator.template_fields)

    def __init__(
        self,
        *,
        python: str | os.PathLike[str],
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        expect_pendulum: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, **kwargs)
        if not python:
            raise InvalidArgument(f"{name_of(self)}: python must be the path of an interpreter")
        self.python = os.fspath(python)
        self.expect_pendulum = expect_pendulum

    def interpreter(self) -> AbstractContextManager[str]:
        found = shutil.which(self.python)
        if found is None:
            raise TaskError(f"task {self.task_id!r}: there is no interpreter {self.python!r} that can be run")
        return nullcontext(found)


class BranchExternalPythonOperator(ExternalPythonOperator, BranchMixin):
    """An :class:`ExternalPythonOperator` whose function chooses the branch to follow."""

    def execute(self, context: Context) -> Any:
        return self.do_branch(context, super().execute(context))
