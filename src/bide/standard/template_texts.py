"""Rendering templates by hand, under the names that Airflow gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2
import jinja2.nativetypes

from bide.authoring import templates


def render_template_to_string(template: jinja2.Template, context: Mapping[str, Any]) -> str:
    """`template` filled in from `context`."""
    return str(templates.render(template, context))


def render_template_as_native(template: jinja2.Template, context: Mapping[str, Any]) -> Any:
    """The value that `template` comes to in `context`, rather than its text."""
    known = {name: context[name] for name in context}
    return jinja2.nativetypes.native_concat(template.root_render_func(template.new_context(known)))


def render_template(template: jinja2.Template, context: Mapping[str, Any], *, native: bool) -> Any:
    """One of the two."""
    return (render_template_as_native if native else render_template_to_string)(template, context)
