"""``@task``: a function whose calls are tasks and whose results are arguments of others."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from bide.authoring import scope
from bide.authoring.conditions import Condition, skipping_hook
from bide.authoring.function_text import function_text
from bide.authoring.group import free_id
from bide.authoring.operator import BaseOperator
from bide.authoring.python import PythonOperator
from bide.authoring.task_calls import CONTEXT_NAMES, check_call, refuse_uncalled
from bide.authoring.xcom_arg import XComArg
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.group import TaskGroup
    from bide.authoring.mapped_functions import FunctionPartial

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class DecoratedOperator(BaseOperator):
    """The base of tasks that calls of decorated functions make; another operator beside it says what they do.

    What that one's constructor takes of the call is in `kwargs_to_upstream`. See :class:`TaskDecorator`.
    """

    template_fields = ("op_args", "op_kwargs")
    template_fields_renderers = {"op_args": "py", "op_kwargs": "py"}
    shallow_copy_attrs = ("python_callable",)
    custom_operator_name = ""

    def __init__(
        self,
        *,
        task_id: str,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        kwargs_to_upstream: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(task_id=task_id, **(kwargs_to_upstream or {}), **kwargs)
        self.python_callable = python_callable
        self.op_args: Any = op_args if op_args is not None else ()
        self.op_kwargs: Any = dict(op_kwargs or {})
        refuse_uncalled(self.task_id, (*self.op_args, *self.op_kwargs.values()))
        check_call(self.task_id, python_callable, self.op_args, self.op_kwargs)

    def get_python_source(self) -> str:
        """The function's source, without its decorators."""
        return function_text(self.python_callable)


class PythonDecoratedOperator(DecoratedOperator, PythonOperator):
    """The task that a call of a ``@task`` function makes."""

    template_fields = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers = PythonOperator.template_fields_renderers
    shallow_copy_attrs = PythonOperator.shallow_copy_attrs
    custom_operator_name = "@task"

    def __init__(
        self,
        *,
        task_id: str,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        call = {"python_callable": python_callable, "op_args": op_args, "op_kwargs": op_kwargs}
        super().__init__(task_id=task_id, kwargs_to_upstream=call, **call, **kwargs)


class TaskFunction(Generic[P, R]):
    """A function under ``@task``. Calling it makes a task and returns the stand-in for its result.

    `operator_class` is the kind of task: it is made with `python_callable`, `op_args`, `op_kwargs` and `options`.
    """

    is_task_function = True

    def __init__(
        self,
        function: Callable[P, R],
        options: dict[str, Any],
        operator_class: Callable[..., BaseOperator] = PythonDecoratedOperator,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.options = options
        self.operator_class = operator_class
        self.mark: Callable[[XComArg], XComArg] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        options = self._task_options()
        operator = self.operator_class(python_callable=self.function, op_args=args, op_kwargs=kwargs, **options)
        return self._marked(XComArg(operator))

    def _marked(self, result: XComArg) -> XComArg:
        return result if self.mark is None else self.mark(result)

    def _task_options(self) -> dict[str, Any]:
        """Arguments of a new task of this function."""
        options = dict(self.options)
        options["task_id"] = unique_task_id(
            options.pop("task_id", None) or self.function.__name__, options.get("dag"), options.get("task_group")
        )
        if options.get("multiple_outputs") is None:
            options["multiple_outputs"] = _returns_mapping(self.function)
        if options.get("doc_md") is None and self.function.__doc__:
            options["doc_md"] = inspect.cleandoc(self.function.__doc__)
        return options

    def partial(self, **arguments: Any) -> FunctionPartial:
        """The function with arguments that all instances share of a task that ``.expand()`` makes."""
        from bide.authoring.mapped_functions import FunctionPartial

        def check(given: Mapping[str, Any], is_all: bool) -> None:
            check_call(self.function.__name__, self.function, (), given, is_all=is_all)

        return FunctionPartial(
            cast("type[BaseOperator]", self.operator_class),
            self.function,
            self._task_options,
            check,
            CONTEXT_NAMES,
            dict(arguments),
        )

    def expand(self, **mapped: Any) -> XComArg:
        """A task with an instance for each combination of elements: see :meth:`FunctionPartial.expand`."""
        return self._marked(self.partial().expand(**mapped))

    def expand_kwargs(self, kwargs: Any, strict: bool = True) -> XComArg:
        """A task with an instance for each dict of arguments: see :meth:`FunctionPartial.expand_kwargs`."""
        return self._marked(self.partial().expand_kwargs(kwargs, strict))

    def override(self, **options: Any) -> TaskFunction[P, R]:
        """The same function with other arguments for its tasks."""
        fresh = copy.copy(self)
        fresh.options = {**self.options, **options}
        return fresh

    def marked(self, mark: Callable[[XComArg], XComArg]) -> TaskFunction[P, R]:
        """The same function, each of whose results is given to `mark`, as ``@setup`` does."""
        fresh = copy.copy(self)
        fresh.mark = mark
        return fresh

    def __repr__(self) -> str:
        return f"<@task {self.function.__name__}>"


class TaskDecorator:
    """Makes functions into tasks of one kind, by default of :class:`PythonDecoratedOperator`.

    `operator` is a class, or where it is: ``module:Class``. It is made with `python_callable`, `op_args` and
    `op_kwargs` of the call, `task_id` and the options.
    """

    def __init__(self, operator: str | Callable[..., BaseOperator] | None = None) -> None:
        self._operator = operator

    @overload
    def __call__(self, python_callable: Callable[P, R]) -> TaskFunction[P, R]: ...
    @overload
    def __call__(
        self, python_callable: None = None, *, multiple_outputs: bool | None = None, **options: Any
    ) -> Callable[[Callable[P, R]], TaskFunction[P, R]]: ...
    def __call__(
        self,
        python_callable: Callable[..., Any] | None = None,
        multiple_outputs: bool | None = None,
        **options: Any,
    ) -> Any:
        """``@task`` or ``@task(retries=3, ...)``: options are those of the operator, as :class:`PythonOperator`.

        With `multiple_outputs` each key of the returned dict is a result of its own; left out, a function
        annotated to return a dict does that.
        """

        def decorate(function: Callable[P, R]) -> TaskFunction[P, R]:
            _check_decorated(function)
            given = {"multiple_outputs": multiple_outputs, **options}
            return TaskFunction(function, given, self._operator_class())

        return decorate if python_callable is None else decorate(python_callable)

    def _operator_class(self) -> Callable[..., BaseOperator]:
        if not isinstance(self._operator, str):
            return self._operator or PythonDecoratedOperator
        module, _, name = self._operator.partition(":")
        return getattr(importlib.import_module(module), name)


_KINDS = "bide.standard.decorators"


class TaskFamily(TaskDecorator):
    """The type of :data:`task`; decorators that make other kinds of tasks are its attributes."""

    #: The function returns the id of the task or group to follow, or several.
    branch = TaskDecorator(f"{_KINDS}.branch:BranchDecoratedOperator")
    #: What comes after it is skipped unless the function returns something true.
    short_circuit = TaskDecorator(f"{_KINDS}.branch:ShortCircuitDecoratedOperator")

    #: Waits until the function returns something true; options are those of sensors.
    sensor = TaskDecorator(f"{_KINDS}.sensor:SensorDecoratedOperator")
    #: Runs the command that the function returns.
    bash = TaskDecorator(f"{_KINDS}.bash:BashDecoratedOperator")
    #: Runs the function in an environment made for it, or with another interpreter; the latter two choose a branch.
    virtualenv = TaskDecorator(f"{_KINDS}.virtualenv:VirtualenvDecoratedOperator")
    external_python = TaskDecorator(f"{_KINDS}.virtualenv:ExternalPythonDecoratedOperator")
    branch_virtualenv = TaskDecorator(f"{_KINDS}.virtualenv:BranchVirtualenvDecoratedOperator")
    branch_external_python = TaskDecorator(f"{_KINDS}.virtualenv:BranchExternalPythonDecoratedOperator")

    def __getattr__(self, name: str) -> Any:
        """A decorator that a plugin or an installed package brings."""
        if name.startswith("__"):
            raise AttributeError(name)
        from bide.authoring.task_decorators import find_decorator  # DAG files rarely need any

        return find_decorator(name, {one for one in dir(type(self)) if not one.startswith("_")})

    @property
    def python(self) -> TaskFamily:
        """``@task.python``, the same as ``@task``."""
        return self

    def run_if(self, condition: Condition, skip_message: str | None = None) -> Callable[[T], T]:
        """``@task.run_if(condition)`` above ``@task``: skips the task unless ``condition(context)`` is true.

        The condition may also return a tuple of that and the message to skip with.
        """
        return _conditional("run_if", condition, skip_message, runs_on=True)

    def skip_if(self, condition: Condition, skip_message: str | None = None) -> Callable[[T], T]:
        """``@task.skip_if(condition)`` above ``@task``: skips the task if ``condition(context)`` is true."""
        return _conditional("skip_if", condition, skip_message, runs_on=False)


task = TaskFamily()


def _conditional(name: str, condition: Condition, message: str | None, *, runs_on: bool) -> Callable[[T], T]:
    if not callable(condition):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument(f"@task.{name} takes a function of the context, not {condition!r}")

    def decorate(function: T) -> T:
        if not isinstance(function, TaskFunction):
            raise InvalidArgument(f"@task.{name} goes above @task, not on {function!r}")
        made = cast("TaskFunction[..., Any]", function)
        hook = skipping_hook(
            condition,
            runs_on=runs_on,
            message=message or f"skipped by @task.{name}",
            before=made.options.get("pre_execute"),
        )
        return cast("T", made.override(pre_execute=hook))

    return decorate


def task_decorator_factory(
    python_callable: Callable[..., Any] | None = None,
    *,
    multiple_outputs: bool | None = None,
    decorated_operator_class: Callable[..., BaseOperator],
    **kwargs: Any,
) -> Any:
    """What a decorator with an operator of its own returns: ``TaskDecorator(decorated_operator_class)(...)``."""
    decorator = TaskDecorator(decorated_operator_class)(multiple_outputs=multiple_outputs, **kwargs)
    return decorator if python_callable is None else decorator(python_callable)


def unique_task_id(task_id: str, dag: DAG | None = None, task_group: TaskGroup | None = None) -> str:
    """`task_id`, or with ``__1``, ``__2``, ... behind it if the DAG has that already."""
    group = task_group or scope.current_group()
    dag = dag or (group.dag if group is not None else None)
    if dag is None:
        return task_id
    inside = group if group is not None and group.dag is dag else dag.task_group
    return free_id(task_id, lambda label: inside.child_id(label) in dag.used_ids)


def _check_decorated(function: object) -> None:
    if isinstance(function, TaskFunction):
        raise InvalidArgument(f"{function!r} is a task already: @task is there twice")
    if not callable(function) or isinstance(function, type):
        raise InvalidArgument(f"@task goes on a function, not on {function!r}")


def _returns_mapping(function: Callable[..., Any]) -> bool:
    """Whether `function` is annotated to return a dict."""
    try:
        returned = typing.get_type_hints(function).get("return")
    except Exception:  # annotations may name what exists for type checkers only; then nothing is known
        return False
    origin: Any = typing.get_origin(returned) or returned
    return isinstance(origin, type) and issubclass(origin, Mapping)
