"""Templates that can't be filled in: wrong syntax, unknown names, missing files; and those with older names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import jinja2
import jinja2.meta

from bide.authoring.dag import DAG
from bide.authoring.hints import did_you_mean
from bide.authoring.older_names import CONTEXT_NAMES as OLDER
from bide.authoring.operator import BaseOperator
from bide.authoring.task_calls import CONTEXT_NAMES
from bide.authoring.templates import needs_rendering
from bide.wire.parser_messages import Finding

#: Names of the context that functions don't get by their parameters' names alone.
_FURTHER_NAMES = frozenset({"callback_url", "exception", "reason", "task_state_store", "var"})
_KNOWN = CONTEXT_NAMES | _FURTHER_NAMES


def template_findings(dag: DAG, task: BaseOperator, line: int | None) -> Iterator[Finding]:
    """What is wrong with templates in the fields of `task`."""
    env = task.get_template_env(dag)
    for field in task.template_fields:
        for text in _texts(getattr(task, field, None)):
            said = _said(text, task, env)
            if said is not None:
                rule, what = said
                message = f"task {task.task_id!r} of DAG {dag.dag_id!r}, {field}: {what}"
                yield Finding(rule, message, line, dag.dag_id, task.task_id)


def _said(text: str, task: BaseOperator, env: jinja2.Environment) -> tuple[str, str] | None:
    source = text
    known = _KNOWN | cast("Any", env).globals.keys()
    if any(text.endswith(ending) for ending in task.template_ext):
        if env.loader is None:
            return None
        try:
            source, _, _ = env.loader.get_source(env, text)
        except jinja2.TemplateNotFound:
            folders = env.loader.searchpath if isinstance(env.loader, jinja2.FileSystemLoader) else []
            return (
                "template-file",
                f"there is no file {text!r} in {', '.join(folders) or 'any folder'}; "
                "a text that ends like this names a template file, unless a space follows",
            )
        except (OSError, UnicodeDecodeError) as error:
            return "template-file", f"{text!r} can't be read: {error}"
    elif not needs_rendering(text, env):
        return None
    try:
        used = jinja2.meta.find_undeclared_variables(env.parse(source))
    except jinja2.TemplateSyntaxError as error:
        return "template-syntax", f"{_short(text)} is no template: {error.message} (line {error.lineno})"
    unknown = used - known
    if not unknown:
        older = "; ".join(f"write {OLDER[name]} for {name}" for name in sorted(used & OLDER.keys()))
        return ("deprecated", f"{_short(text)} has older names: {older}") if older else None
    names = ", ".join(f"{name!r}{did_you_mean(name, known)}" for name in sorted(unknown))
    return "template-name", f"{_short(text)} names what the context does not have: {names}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _texts(value: Any) -> Iterator[str]:
    """The strings in a field, in containers too."""
    kind = cast("Any", type(value))
    if isinstance(value, str):
        yield value
    elif kind in (list, tuple, set):
        for item in value:
            yield from _texts(item)
    elif kind is dict:
        for item in value.values():
            yield from _texts(item)
