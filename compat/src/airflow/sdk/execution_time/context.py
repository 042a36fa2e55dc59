"""What a task knows of itself."""

from bide.authoring.callable_runner import outlet_events_of as context_get_outlet_events
from bide.authoring.task_state import NEVER_EXPIRE as NEVER_EXPIRE
from bide.standard.context_variables import AIRFLOW_VAR_NAME_FORMAT_MAPPING as AIRFLOW_VAR_NAME_FORMAT_MAPPING
from bide.standard.context_variables import context_to_airflow_vars as context_to_airflow_vars

__all__ = (
    "AIRFLOW_VAR_NAME_FORMAT_MAPPING",
    "NEVER_EXPIRE",
    "context_get_outlet_events",
    "context_to_airflow_vars",
)
