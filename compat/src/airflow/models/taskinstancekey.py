"""Names of task instances."""

from bide.authoring.links import TaskInstanceKey as TaskInstanceKey
