"""The context of running tasks."""

from bide.authoring.callable_runner import outlet_events_of as context_get_outlet_events
from bide.authoring.context import Context as Context
from bide.authoring.context import context_copy_partial as context_copy_partial
from bide.authoring.context import context_merge as context_merge
from bide.model.provider_errors import RemovalWarning as AirflowContextDeprecationWarning

__all__ = (
    "AirflowContextDeprecationWarning",
    "Context",
    "context_copy_partial",
    "context_get_outlet_events",
    "context_merge",
)
