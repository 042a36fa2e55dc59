"""Functions under ``@task`` that are expanded: ``function.partial(...).expand(...)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bide.authoring.construction import gather_defaults
from bide.authoring.expansion import ExpandedOver, literal_names, over_arguments, over_dicts
from bide.authoring.mapping import mapped_operator
from bide.authoring.operator import BaseOperator
from bide.authoring.xcom_arg import XComArg
from bide.model.errors import InvalidArgument


class FunctionPartial:
    """A function with some of its arguments; :meth:`expand` makes a task of it."""

    def __init__(
        self,
        operator_class: type[BaseOperator],
        function: Callable[..., Any],
        options: Callable[[], dict[str, Any]],
        check_call: Callable[[Mapping[str, Any], bool], None],
        context_names: frozenset[str],
        arguments: dict[str, Any],
    ) -> None:
        """`options` gives the task's own arguments; `check_call` refuses a call that can't be.

        That gets the arguments, and whether they are all.
        """
        self._operator_class = operator_class
        self._function = function
        self._options = options
        self._check_call = check_call
        self._context_names = context_names
        self.arguments = arguments
        self._of = f"task {function.__name__!r}"
        self._check_names(arguments, "partial()")
        check_call(arguments, False)

    def expand(self, **mapped: Any) -> XComArg:
        """A task with an instance for each combination of elements of the arguments' lists, dicts or results.

        The last argument varies fastest. Raises :class:`InvalidArgument` for what can't be expanded over.
        """
        over = over_arguments(mapped, self._of)
        self._check_names(mapped, "expand()")
        for name in mapped:
            if name in self.arguments:
                raise InvalidArgument(f"{self._of}: partial() and expand() both give {name!r}")
        self._check_call({**self.arguments, **mapped}, False)  # names first: a wrong one leaves another out
        self._check_call({**self.arguments, **mapped}, True)
        return self._expanded(over)

    def expand_kwargs(self, kwargs: Any, strict: bool = True) -> XComArg:
        """A task with an instance for each dict of arguments in a list, or in the result of a task.

        Unless `strict`, they may give arguments that ``partial()`` gives too, and win.
        """
        over = over_dicts(kwargs, self._of)
        names = literal_names(over)
        self._check_names(dict.fromkeys(names), "expand_kwargs()")
        for name in names & self.arguments.keys() if strict else ():
            raise InvalidArgument(f"{self._of}: partial() and expand_kwargs() both give {name!r}")
        self._check_call({**self.arguments, **dict.fromkeys(names)}, False)
        return self._expanded(over, strict=strict)

    def _expanded(self, over: ExpandedOver, *, strict: bool = True) -> XComArg:
        options = self._options()
        return XComArg(
            mapped_operator(
                self._operator_class,
                {**options, "python_callable": self._function},
                gather_defaults(options),
                over,
                function_arguments=self.arguments,
                strict=strict,
            )
        )

    def _check_names(self, given: Mapping[str, Any], what: str) -> None:
        for name in given:
            if name in self._context_names:
                raise InvalidArgument(f"{self._of}: {what} can't give {name!r}, which the context gives")
