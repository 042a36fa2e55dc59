"""``@task.bash``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bide.authoring.python import PythonOperator
from bide.authoring.taskflow import PythonDecoratedOperator
from bide.model.errors import InvalidArgument
from bide.standard.operators.bash import BashOperator

if TYPE_CHECKING:
    from bide.authoring.context import Context


class BashDecoratedOperator(PythonDecoratedOperator, BashOperator):
    """The task that a call of a ``@task.bash`` function makes: it runs the command that the function returns.

    The command may have templates. Options are those of :class:`BashOperator`.
    """

    template_fields = (*PythonDecoratedOperator.template_fields, "env", "cwd")
    template_fields_renderers = {**PythonOperator.template_fields_renderers, "env": "json"}
    custom_operator_name = "@task.bash"

    def __init__(self, *, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        if kwargs.pop("multiple_outputs", None):
            raise InvalidArgument("@task.bash has one result, the last line of output: not multiple_outputs")
        super().__init__(python_callable=python_callable, bash_command="", **kwargs)

    def execute(self, context: Context) -> Any:
        self.op_kwargs = self.determine_kwargs(context)
        command: Any = self.execute_callable()
        if not isinstance(command, str) or not command.strip():
            raise InvalidArgument(
                f"task {self.task_id!r}: a @task.bash function must return the command to run, not {command!r}"
            )
        self.bash_command = BashOperator.render_template(self, command, context)
        return BashOperator.execute(self, context)
