"""What decorators of tasks are made of."""

from bide.authoring.mapping import MappedOperator as DecoratedMappedOperator
from bide.authoring.taskflow import DecoratedOperator as DecoratedOperator
from bide.authoring.taskflow import TaskDecorator as TaskDecorator
from bide.authoring.taskflow import task_decorator_factory as task_decorator_factory
from bide.authoring.taskflow import unique_task_id as get_unique_task_id

__all__ = (
    "DecoratedMappedOperator",
    "DecoratedOperator",
    "TaskDecorator",
    "get_unique_task_id",
    "task_decorator_factory",
)
