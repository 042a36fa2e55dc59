"""The context of running tasks."""

from bide.authoring.context import Context as Context
from bide.authoring.context import context_copy_partial as context_copy_partial
from bide.authoring.context import context_merge as context_merge
from bide.authoring.context import get_current_context as get_current_context
from bide.authoring.task_calls import CONTEXT_NAMES as KNOWN_CONTEXT_KEYS

__all__ = (
    "KNOWN_CONTEXT_KEYS",
    "Context",
    "context_copy_partial",
    "context_merge",
    "get_current_context",
)
