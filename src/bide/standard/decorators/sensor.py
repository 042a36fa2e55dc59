"""``@task.sensor``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bide.authoring.task_calls import check_call
from bide.standard.sensors.python import PythonSensor


class SensorDecoratedOperator(PythonSensor):
    """The task that a call of a ``@task.sensor`` function makes: it waits until the function says so."""

    custom_operator_name = "@task.sensor"

    def __init__(self, *, task_id: str, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(task_id=task_id, python_callable=python_callable, **kwargs)
        check_call(self.task_id, python_callable, self.op_args, self.op_kwargs)
