"""Waiting for what a Python function says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from bide.authoring.calling import accepted_arguments, call
from bide.authoring.operator_checks import name_of
from bide.authoring.sensor import BaseSensorOperator, PokeReturnValue
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.context import Context


class PythonSensor(BaseSensorOperator):
    """Waits until `python_callable` returns something true, or a :class:`PokeReturnValue` that is done.

    It gets `op_args` and `op_kwargs`, and what it names of the context; `templates_dict` reaches it rendered, as
    the context's ``templates_dict``.
    """

    template_fields = ("templates_dict", "op_args", "op_kwargs")

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(python_callable):
            raise InvalidArgument(f"{name_of(self)}: python_callable must be a function, not {python_callable!r}")
        self.python_callable = python_callable
        self.op_args: Any = op_args if op_args is not None else ()
        self.op_kwargs: Any = dict(op_kwargs) if isinstance(op_kwargs, Mapping) else op_kwargs or {}
        self.templates_dict = templates_dict

    def poke(self, context: Context) -> bool | PokeReturnValue:
        if self.templates_dict is not None:
            context["templates_dict"] = self.templates_dict
        kwargs = accepted_arguments(self.python_callable, self.op_args, context, self.op_kwargs)
        found = call(self.python_callable, *self.op_args, **kwargs)
        return found if isinstance(found, PokeReturnValue) else bool(found)
