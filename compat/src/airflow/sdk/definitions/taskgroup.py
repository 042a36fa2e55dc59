"""Groups of tasks."""

from bide.authoring.group import TaskGroup as TaskGroup
