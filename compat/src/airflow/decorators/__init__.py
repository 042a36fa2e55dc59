"""Decorators."""

from bide.authoring.dag_decorator import dag as dag
from bide.authoring.group import task_group as task_group
from bide.authoring.setup_decorators import setup as setup
from bide.authoring.setup_decorators import teardown as teardown
from bide.authoring.taskflow import TaskDecorator as TaskDecorator
from bide.authoring.taskflow import task as task
