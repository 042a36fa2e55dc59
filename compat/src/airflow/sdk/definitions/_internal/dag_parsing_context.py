"""What a DAG file is imported for."""

from bide.authoring.parsing_context import get_parsing_context as get_parsing_context
from bide.authoring.parsing_context import parsing_for as _airflow_parsing_context_manager

__all__ = (
    "_airflow_parsing_context_manager",
    "get_parsing_context",
)
