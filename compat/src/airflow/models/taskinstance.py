"""Task instances."""

from bide.authoring.context import TaskInstance as TaskInstance
