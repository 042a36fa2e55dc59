"""The context of running tasks."""

from bide.authoring.context import Context as Context
from bide.authoring.context import context_copy_partial as context_copy_partial
from bide.authoring.context import context_merge as context_merge
from bide.authoring.context import get_current_context as get_current_context
from bide.authoring.parsing_context import ParsingContext as AirflowParsingContext
from bide.authoring.parsing_context import get_parsing_context as get_parsing_context
from bide.authoring.task_calls import CONTEXT_NAMES as KNOWN_CONTEXT_KEYS
from bide.standard.template_texts import render_template as render_template
from bide.standard.template_texts import render_template_as_native as render_template_as_native
from bide.standard.template_texts import render_template_to_string as render_template_to_string

__all__ = (
    "KNOWN_CONTEXT_KEYS",
    "AirflowParsingContext",
    "Context",
    "context_copy_partial",
    "context_merge",
    "get_current_context",
    "get_parsing_context",
    "render_template",
    "render_template_as_native",
    "render_template_to_string",
)
