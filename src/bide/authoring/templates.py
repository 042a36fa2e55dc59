"""The Jinja environments of DAGs."""

from __future__ import annotations

import datetime as dt
from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import jinja2
import jinja2.nativetypes
import jinja2.sandbox

if TYPE_CHECKING:
    from bide.authoring.dag import DAG


class _Environment(jinja2.sandbox.SandboxedEnvironment):
    """Lets templates use attributes with an underscore in front, but not the interpreter's internals."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not jinja2.sandbox.is_internal_attribute(obj, attr)


class _NativeEnvironment(jinja2.nativetypes.NativeEnvironment, _Environment):
    """Renders to Python values where the text is one."""


def format_ds(value: dt.date | None) -> str | None:
    """``YYYY-MM-DD``."""
    return None if value is None else value.strftime("%Y-%m-%d")


def format_ds_nodash(value: dt.date | None) -> str | None:
    """``YYYYMMDD``."""
    return None if value is None else value.strftime("%Y%m%d")


def format_ts(value: dt.datetime | None) -> str | None:
    """ISO 8601 with time zone."""
    return None if value is None else value.isoformat()


def format_ts_nodash(value: dt.datetime | None) -> str | None:
    """``YYYYMMDDTHHMMSS``."""
    return None if value is None else value.strftime("%Y%m%dT%H%M%S")


def format_ts_nodash_with_tz(value: dt.datetime | None) -> str | None:
    """``YYYYMMDDTHHMMSS+0000``."""
    return None if value is None else value.isoformat().replace("-", "").replace(":", "")


FILTERS: dict[str, Callable[..., Any]] = {
    "ds": format_ds,
    "ds_nodash": format_ds_nodash,
    "ts": format_ts,
    "ts_nodash": format_ts_nodash,
    "ts_nodash_with_tz": format_ts_nodash_with_tz,
}


def environment_for(dag: DAG | None, *, native: bool | None = None) -> jinja2.Environment:
    """The environment for templates of `dag`, made at the first call; `native` overrides the DAG's own setting."""
    if dag is None:
        return _build({"undefined": jinja2.StrictUndefined}, [], native=bool(native))
    native = dag.render_template_as_native_obj if native is None else native
    found = dag.template_environments.get(native)
    if found is None:
        found = dag.template_environments[native] = _build_for(dag, native=native)
    return cast("jinja2.Environment", found)


def _build_for(dag: DAG, *, native: bool) -> jinja2.Environment:
    # A misspelt name fails the task, as in Airflow, instead of leaving a hole in a command or query.
    options: dict[str, Any] = {"undefined": dag.template_undefined or jinja2.StrictUndefined}
    options.update(dag.jinja_environment_kwargs)
    env: Any = _build(options, dag.template_folders, native=native)
    env.globals.update(dag.user_defined_macros)
    env.filters.update(dag.user_defined_filters)
    return env


def _build(options: dict[str, Any], folders: list[str], *, native: bool) -> jinja2.Environment:
    extensions = [*options.pop("extensions", []), "jinja2.ext.do"]
    loader = jinja2.FileSystemLoader([str(Path(folder)) for folder in folders])
    kind = _NativeEnvironment if native else _Environment
    env: Any = kind(**{"loader": loader, "cache_size": 0, "extensions": extensions, **options})
    env.filters.update(FILTERS)
    return env


def template_file(name: str, env: jinja2.Environment) -> jinja2.Template:
    """The template file `name`. Raises :class:`jinja2.TemplateNotFound` with a note of where it was looked for."""
    try:
        return env.get_template(name)
    except jinja2.TemplateNotFound as error:
        folders = env.loader.searchpath if isinstance(env.loader, jinja2.FileSystemLoader) else []
        error.add_note(f"the template file {name!r} was looked for in {', '.join(folders) or 'no folder'}")
        raise


def source_of(name: str, env: jinja2.Environment) -> str:
    """The text of the template file `name`. Raises what :func:`template_file` does."""
    template_file(name, env)
    assert env.loader is not None  # which has just found it
    return env.loader.get_source(env, name)[0]


def needs_rendering(text: str, env: jinja2.Environment) -> bool:
    """Whether rendering could change `text`. Compiling a template takes a thousand times as long as this look."""
    if isinstance(env, jinja2.nativetypes.NativeEnvironment):
        return True
    if env.line_statement_prefix or env.line_comment_prefix or text.endswith(("\n", "\r")) or "\r" in text:
        return True
    starts = (env.variable_start_string, env.block_start_string, env.comment_start_string)
    return any(start in text for start in starts)


def render(template: jinja2.Template, context: Mapping[str, Any]) -> Any:
    """`template` filled in from `context`, whose values are only asked for where the template names them."""
    env = template.environment
    names = ChainMap(cast("MutableMapping[str, Any]", context), template.globals)
    try:
        parts = template.root_render_func(template.new_context(cast("dict[str, Any]", names), shared=True))
        if isinstance(env, jinja2.nativetypes.NativeEnvironment):
            value = jinja2.nativetypes.native_concat(parts)
            # A name that stands alone is not turned into text, which is what tells a strict one to complain.
            return str(value) if isinstance(value, jinja2.StrictUndefined) else value
        return "".join(parts)
    except Exception:
        env.handle_exception()
