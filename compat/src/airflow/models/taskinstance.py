"""Task instances."""

from bide.authoring.context import TaskInstance as TaskInstance
from bide.authoring.links import TaskInstanceKey as TaskInstanceKey
from bide.standard.tables import clear_task_instances as clear_task_instances
