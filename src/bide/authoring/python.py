"""Running a Python function as a task."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, Final

from bide.authoring.calling import accepted_arguments, call
from bide.authoring.operator import BaseOperator
from bide.authoring.runtime import NoRuntime, current_runtime
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.context import Context


_GENERATORS: Final[tuple[type, ...]] = (GeneratorType, AsyncGeneratorType)


class PythonOperator(BaseOperator):
    """Calls `python_callable` with `op_args` and `op_kwargs`, and with what it names of the context.

    A function with ``**kwargs`` gets the whole context. `templates_dict` reaches it rendered, as the context's
    ``templates_dict``; its strings that end like one of `templates_exts` name template files. What the function
    returns becomes the XCom ``return_value``. `provide_context` is accepted and not needed.

    The function may use ``wait()`` and ``step()``. With ``replay=False`` a retry does again what earlier tries did.
    """

    template_fields = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers = {"templates_dict": "json", "op_args": "py", "op_kwargs": "py"}
    shallow_copy_attrs = ("python_callable", "op_kwargs")
    ui_color = "#ffefeb"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        templates_exts: Sequence[str] | None = None,
        show_return_value_in_logs: bool = True,
        provide_context: bool | None = None,
        replay: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(python_callable):
            raise InvalidArgument(
                f"task {self.task_id!r}: python_callable must be a function, not {python_callable!r}"
            )
        self.python_callable = python_callable
        self.op_args: Any = op_args if op_args is not None else ()
        # A dict of its own: several tasks may be given one, and templates are rendered into it.
        self.op_kwargs: Any = dict(op_kwargs) if isinstance(op_kwargs, Mapping) else op_kwargs or {}
        self.templates_dict = templates_dict
        if templates_exts:
            self.template_ext = tuple(templates_exts)
        self.show_return_value_in_logs = show_return_value_in_logs
        self.replay = replay

    def execute(self, context: Context) -> Any:
        """Call the function, await it if it is async, and log what it returned."""
        if self.templates_dict is not None:
            context["templates_dict"] = self.templates_dict
        inputs = {"op_args": self.op_args, "op_kwargs": self.op_kwargs, "params": context.get("params")}
        with _replaying(inputs, replay=self.replay) as frozen:
            if frozen is not None:
                self.op_args, self.op_kwargs = frozen["op_args"], frozen["op_kwargs"]
                context["params"] = frozen["params"]
            self.op_kwargs = self.determine_kwargs(context)
            result = self.execute_callable()
            if _is_generator_of(self.python_callable, result):
                result = self._take_yields(result, context)
        if self.show_return_value_in_logs:
            self.log.info("Done. Returned value was: %s", result)
        else:
            self.log.info("Done. Returned value not shown")
        return result

    def determine_kwargs(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword arguments of the call: ``op_kwargs`` and what the function names of the context."""
        return accepted_arguments(self.python_callable, self.op_args, context, self.op_kwargs)

    def execute_callable(self) -> Any:
        """Call the function with the arguments found; subclasses may do that elsewhere."""
        return call(self.python_callable, *self.op_args, **self.op_kwargs)

    def _take_yields(self, generator: Any, context: Mapping[str, Any]) -> Any:
        """Run a generator, none of whose code has run, for what it yields about the task's outlets."""
        name = self.python_callable.__name__
        if not self.outlets:
            raise InvalidArgument(
                f"{name}() has a yield, so that calling it runs none of its code: "
                "collect what it yields in a list, and return that"
            )
        from bide.authoring.callable_runner import outlet_events_of, take_metadata  # for those with outlets only

        return take_metadata(name, generator, outlet_events_of(context))


def _is_generator_of(function: Callable[..., Any], result: Any) -> bool:
    """Whether `result` is what calling `function` makes because there is a ``yield`` in it."""
    return type(result) in _GENERATORS and result.__name__ == getattr(function, "__name__", None)


def _replaying(inputs: Mapping[str, Any], *, replay: bool) -> AbstractContextManager[Mapping[str, Any] | None]:
    """A context in which the function may wait; it has what the function was first called with, if it waited."""
    try:
        runtime = current_runtime()
    except NoRuntime:  # the operator is called by hand
        return nullcontext()
    return runtime.replaying(inputs, replay=replay)
