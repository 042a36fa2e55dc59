"""The task instance that runs."""

from bide.authoring.context import TaskInstance as RuntimeTaskInstance

__all__ = ("RuntimeTaskInstance",)
