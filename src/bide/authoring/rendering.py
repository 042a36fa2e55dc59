"""Filling templates and results of other tasks into the fields of an operator."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from bide.authoring.xcom_arg import Resolvable
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    import jinja2

    from bide.authoring.context import Context
    from bide.authoring.dag import DAG


#: How the note begins on an error in a field.
RENDERING: Final = "while rendering the field"


class Rendering:
    """What operators, and objects in their fields, need to have their ``template_fields`` rendered."""

    template_fields: Collection[str] = ()
    template_ext: Sequence[str] = ()

    def get_template_env(self, dag: DAG | None = None) -> jinja2.Environment:
        """The Jinja environment of `dag`, else of the own DAG, else a plain one."""
        from bide.authoring.templates import environment_for

        native = getattr(self, "render_template_as_native_obj", None)
        return environment_for(dag or getattr(self, "_dag", None), native=native)

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Replace each of ``template_fields`` by what it comes to in `context`.

        A template that can't be rendered raises what Jinja raises, with a note that names the field.
        """
        seen = self._result_ids()
        self._render_fields_of(self, self.template_fields, context, jinja_env or self.get_template_env(), seen)

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        """Replace these fields of `parent`; under this name packages call it for fields that they fill in late."""
        self._render_fields_of(parent, template_fields, context, jinja_env, seen_oids)

    def prepare_template(self) -> None:
        """Called before the fields are rendered, when template files have been read; subclasses may change them."""

    def resolve_template_files(self) -> None:
        """Put the text of the template files that fields name in their place, then :meth:`prepare_template`."""
        env = self.get_template_env()
        for field in self.template_fields:
            value = getattr(self, field, None)
            if isinstance(value, str):
                setattr(self, field, self._text_of_file(value, env))
            elif isinstance(value, list):
                items = cast("list[Any]", value)
                setattr(
                    self, field, [self._text_of_file(one, env) if isinstance(one, str) else one for one in items]
                )
        self.prepare_template()

    def _text_of_file(self, text: str, env: jinja2.Environment) -> str:
        from bide.authoring.templates import source_of

        return source_of(text, env) if any(text.endswith(ending) for ending in self.template_ext) else text

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """`content` with its templates and results filled in, deep in lists, tuples, dicts and sets.

        A string that ends like one of ``template_ext`` names a file, looked for beside the DAG file. Objects with
        ``template_fields`` of their own are rendered in place. All else is returned as it is.
        """
        return self._render(content, context, jinja_env or self.get_template_env(), seen_oids or self._result_ids())

    def _result_ids(self) -> set[int]:
        """Results of tasks, in which no templates are filled: anybody may have written them."""
        return {id(value) for value in getattr(self, "_results", ())}

    def _render(self, value: Any, context: Context, env: jinja2.Environment, seen: set[int]) -> Any:
        if isinstance(value, str):
            return value if id(value) in seen else self._render_text(value, context, env)
        if isinstance(value, Resolvable):
            return value.resolve(context)
        kind = cast("Any", type(value))
        if kind in _PLAIN or id(value) in seen:
            return value
        if isinstance(value, tuple):
            items = [self._render(item, context, env, seen) for item in cast("tuple[Any, ...]", value)]
            return kind(*items) if hasattr(kind, "_fields") else tuple(items)
        if isinstance(value, list):
            return [self._render(item, context, env, seen) for item in cast("list[Any]", value)]
        if isinstance(value, dict):
            pairs = cast("dict[Any, Any]", value).items()
            return {key: self._render(item, context, env, seen) for key, item in pairs}
        if isinstance(value, set):
            return {self._render(item, context, env, seen) for item in cast("set[Any]", value)}
        fields: Any = getattr(kind, "template_fields", None)
        if fields and not isinstance(fields, str | property):
            seen.add(id(value))
            self._render_fields_of(value, cast("Iterable[str]", fields), context, env, seen)
        return value

    def _render_text(self, text: str, context: Context, env: jinja2.Environment) -> Any:
        from bide.authoring.templates import needs_rendering, render, template_file

        if any(text.endswith(ending) for ending in self.template_ext):
            return render(template_file(text, env), context)
        return render(env.from_string(text), context) if needs_rendering(text, env) else text

    def _render_fields_of(
        self, owner: Any, fields: Iterable[str], context: Context, env: jinja2.Environment, seen: set[int]
    ) -> None:
        for field in fields:
            try:
                value = getattr(owner, field)
            except AttributeError:
                raise InvalidArgument(
                    f"{owner!r}: {type(owner).__name__}.template_fields names {field!r}, which is no attribute; "
                    "its __init__ must set it"
                ) from None
            if not value:
                continue
            try:
                setattr(owner, field, self._render(value, context, env, seen))
            except Exception as error:
                error.add_note(f"{RENDERING} {field!r} of {owner!r}")
                raise


_PLAIN = frozenset({int, float, bool, type(None), bytes})
