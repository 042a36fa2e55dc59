"""Dynamic task mapping: ``Operator.partial(...).expand(...)``, one instance for each element."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from bide.authoring.construction import argument_names, copy_containers, gather_defaults
from bide.authoring.expansion import ExpandedOver, literal_names, over_arguments, over_dicts
from bide.authoring.hints import did_you_mean
from bide.authoring.operator import BaseOperator
from bide.authoring.scope import collecting, current_dag, current_group
from bide.authoring.xcom_arg import XComArg, xcom_args_in
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.context import Context

#: What the engine has to know before there are instances; it can't differ from one to the next.
BASE_ARGUMENTS: Final = frozenset(argument_names(BaseOperator))
#: Arguments that place a task; an instance is where its task is.
_PLACE: Final = frozenset({"task_id", "dag", "task_group", "default_args"})
#: Attributes of classes, or arguments of theirs, that the engine has to know too.
_KNOWN_BEFORE: Final = ("soft_fail", "never_fail", "start_from_trigger")


class OperatorPartial:
    """An operator with some of its arguments: :meth:`expand` makes a task of it."""

    def __init__(self, operator_class: type[BaseOperator], kwargs: dict[str, Any]) -> None:
        self.operator_class = operator_class
        self.kwargs = kwargs
        self.defaults = gather_defaults(kwargs)
        #: Whether it was used, well or not.
        self._is_used = True
        if "dag" not in kwargs and "task_group" not in kwargs:
            group, dag = current_group(), current_dag()
            kwargs.update({"task_group": group} if group is not None else {"dag": dag} if dag is not None else {})
        if "task_id" not in kwargs:
            raise InvalidArgument(f"{operator_class.__name__}.partial(): the argument 'task_id' is missing")
        self._of = f"task {kwargs['task_id']!r} ({operator_class.__name__})"
        _check_names(operator_class, kwargs, f"{self._of}: partial()")
        self._is_used = False

    def expand(self, **mapped: Any) -> MappedOperator:
        """A task with an instance for each combination of elements of the arguments' lists, dicts or results.

        The last argument varies fastest. Raises :class:`InvalidArgument` for what can't be expanded over.
        """
        self._is_used = True
        self._check(mapped, "expand()")
        over = over_arguments(mapped, self._of)
        self._check_missing({*self.kwargs, *mapped, *self.defaults})
        return self._expanded(over)

    def expand_kwargs(self, kwargs: Any, strict: bool = True) -> MappedOperator:
        """A task with an instance for each dict of arguments in a list, or in the result of a task.

        Unless `strict`, they may give arguments that :meth:`partial` gives too, and win.
        """
        self._is_used = True
        over = over_dicts(kwargs, self._of)
        self._check(dict.fromkeys(literal_names(over)), "expand_kwargs()", strict=strict)
        return self._expanded(over, strict=strict)

    def _expanded(self, over: ExpandedOver, *, strict: bool = True) -> MappedOperator:
        return mapped_operator(self.operator_class, self.kwargs, self.defaults, over, strict=strict)

    def _check(self, mapped: Mapping[str, Any], what: str, *, strict: bool = True) -> None:
        _check_names(self.operator_class, mapped, f"{self._of}: {what}")
        for name in mapped:
            if name in self.kwargs and strict and name not in _PLACE:
                raise InvalidArgument(f"{self._of}: partial() and {what} both give {name!r}")
            check_mappable(name, f"{self._of}: {what}")

    def _check_missing(self, given: set[str]) -> None:
        for parameter in list(inspect.signature(self.operator_class.__init__).parameters.values())[1:]:
            by_name = parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            if by_name and parameter.default is parameter.empty and parameter.name not in given:
                raise InvalidArgument(f"{self._of}: the argument {parameter.name!r} is missing")

    def __del__(self) -> None:
        if not getattr(self, "_is_used", True):
            warnings.warn(f"{self._of}: partial() without expand() makes no task", stacklevel=2)


def mapped_operator(
    operator_class: type[BaseOperator],
    kwargs: Mapping[str, Any],
    defaults: Mapping[str, Any],
    over: ExpandedOver,
    *,
    function_arguments: Mapping[str, Any] | None = None,
    strict: bool = True,
) -> MappedOperator:
    """The task that stands for all instances. `function_arguments`: it is a function that is called with these."""
    base = {name: value for name, value in kwargs.items() if name in BASE_ARGUMENTS}
    return MappedOperator(
        made_of=MadeOf(operator_class, dict(kwargs), dict(defaults), function_arguments, strict), over=over, **base
    )


class MadeOf:
    """What the instances of a mapped task are made of, apart from what they are expanded over."""

    def __init__(
        self,
        operator_class: type[BaseOperator],
        kwargs: dict[str, Any],
        defaults: dict[str, Any],
        function_arguments: Mapping[str, Any] | None,
        strict: bool,
    ) -> None:
        self.operator_class = operator_class
        self.kwargs = kwargs
        self.defaults = defaults
        self.function_arguments = function_arguments
        self.strict = strict

    def known_before(self, name: str) -> Any:
        """An argument that all instances have, or what their class says."""
        missing = object()
        for values in (self.kwargs, self.defaults):
            found = values.get(name, missing)
            if found is not missing:
                return found
        return getattr(self.operator_class, name, False)

    def arguments(self, of: str, values: dict[str, Any]) -> dict[str, Any]:
        """The constructor's arguments of an instance that gets `values`."""
        kwargs = {name: copy_containers(value) for name, value in self.kwargs.items() if name not in _PLACE}
        fixed = kwargs if self.function_arguments is None else dict(self.function_arguments)
        for name in values:
            if name in fixed and self.strict:
                raise InvalidArgument(f"{of}: partial() and expand_kwargs() both give {name!r}")
            if self.function_arguments is None:
                check_mappable(name, f"{of}: expand_kwargs()")
        if self.function_arguments is None:
            return {**kwargs, **values}
        return {**kwargs, "op_args": (), "op_kwargs": {**copy_containers(fixed), **values}}


class MappedOperator(BaseOperator):
    """A task that is expanded into instances when it is known how many there are.

    Made by ``partial().expand()``. It has what all instances share; :meth:`unmap` makes the operator of one.
    """

    is_mapped = True

    def __init__(self, *, made_of: MadeOf, over: ExpandedOver, **kwargs: Any) -> None:
        self.made_of = made_of
        self.expanded_over = over
        self.template_fields = made_of.operator_class.template_fields
        super().__init__(**kwargs)
        if self.get_closest_mapped_task_group() is not None:
            raise InvalidArgument(
                f"task {self.task_id!r} can't be expanded: it is in a mapped task group, "
                "whose tasks have an instance per element already"
            )
        for name in _KNOWN_BEFORE:
            setattr(self, name, made_of.known_before(name))
        if "start_from_trigger" in literal_names(over):
            self.start_from_trigger = False  # each instance says so itself, once it is in a worker

    def _finish_construction(self) -> None:
        super()._finish_construction()
        self._link_to_sources([self.made_of.kwargs, self.made_of.function_arguments])
        for source in self.expanded_over.references():
            self.set_upstream(source.operator)

    @property
    def operator_class(self) -> type[BaseOperator]:
        """The class of its instances."""
        return self.made_of.operator_class

    @property
    def task_type(self) -> str:
        """Name of the class of its instances."""
        return self.operator_class.__name__

    @property
    def operator_name(self) -> str:
        """What people call this kind of operator."""
        return cast("str", getattr(self.operator_class, "custom_operator_name", self.task_type))

    def argument_sources(self) -> Iterator[XComArg]:
        """Results that every instance gets as a whole."""
        yield from xcom_args_in([self.made_of.kwargs, dict(self.made_of.function_arguments or {})])

    def unmap(self, context: Context) -> BaseOperator:
        """The operator of the instance of `context`: results are resolved, and its ``__init__`` has run."""
        given = self.expanded_over.given(context)
        kwargs = self.made_of.arguments(f"task {self.task_id!r}", given.arguments)
        cls = self.operator_class
        with collecting():
            task: Any = cls.__new__(cls)
            task._dag = self._dag
            task._links_tasks = False
            task._defaults = copy_containers(self.made_of.defaults)
            task.__init__(**kwargs, task_id=self.task_id)
            task._finish_construction()
        # Attributes set from here on are no business of the DAG's.
        task._ready = False
        task._results = given.results
        task.task_group, task.label = self.task_group, self.label
        task.upstream_task_ids, task.downstream_task_ids = self.upstream_task_ids, self.downstream_task_ids
        return task

    def execute(self, context: Context) -> Any:
        """Never called: instances are made by :meth:`unmap`."""
        raise InvalidArgument(f"task {self.task_id!r} is mapped; only its instances can be run")

    def __repr__(self) -> str:
        return f"<Mapped({self.task_type}): {self.task_id}>"


def check_mappable(name: str, of: str) -> None:
    """Raise :class:`InvalidArgument` for an argument that can't differ between instances."""
    if name in BASE_ARGUMENTS:
        raise InvalidArgument(
            f"{of}: {name!r} can't be expanded over, since it is that of the whole task; give it to partial()"
        )


def _check_names(operator_class: type[BaseOperator], given: Mapping[str, Any], of: str) -> None:
    known = argument_names(operator_class)
    for name in given:
        if name not in known:
            raise InvalidArgument(f"{of}: unknown argument {name!r}{did_you_mean(name, known)}")
