"""What decorators of tasks are made of."""

from bide.authoring.async_operator import is_async as is_async_callable
from bide.authoring.keyword_arguments import KeywordParameters as KeywordParameters
from bide.authoring.keyword_arguments import determine_kwargs as determine_kwargs
from bide.authoring.mapping import MappedOperator as DecoratedMappedOperator
from bide.authoring.taskflow import DecoratedOperator as DecoratedOperator
from bide.authoring.taskflow import TaskDecorator as TaskDecorator
from bide.authoring.taskflow import task_decorator_factory as task_decorator_factory
from bide.authoring.taskflow import unique_task_id as get_unique_task_id

__all__ = (
    "DecoratedMappedOperator",
    "DecoratedOperator",
    "KeywordParameters",
    "TaskDecorator",
    "determine_kwargs",
    "get_unique_task_id",
    "is_async_callable",
    "task_decorator_factory",
)
