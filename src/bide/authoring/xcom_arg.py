"""The result of a task as an argument of another: known only when both run, but a dependency at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from bide.authoring.setup_teardown import SetupTeardown
from bide.model.errors import InvalidArgument, XComNotFound

if TYPE_CHECKING:
    from bide.authoring.context import Context
    from bide.authoring.operator import BaseOperator

#: Key under which a task's return value is stored.
RETURN_VALUE: Final = "return_value"


class Resolvable:
    """A stand-in in an operator's arguments that becomes a value when the task runs."""

    @abstractmethod
    def resolve(self, context: Context) -> Any:
        """The value, in the run of `context`."""


class XComArg(Resolvable, SetupTeardown):
    """What `operator` pushes under `key`.

    ``result["name"]`` is what it pushes under that other key. In a string it becomes a template that pulls the
    value.
    """

    def __init__(self, operator: BaseOperator, key: str = RETURN_VALUE) -> None:
        self.operator = operator
        self.key = key

    def __getitem__(self, key: str) -> XComArg:
        if not isinstance(key, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"a result is taken by the name of its key, not by {key!r}")
        return XComArg(self.operator, key)

    def __iter__(self) -> NoReturn:
        raise TypeError(
            f"the result of task {self.operator.task_id!r} is not known while the DAG file is read, "
            "so it can't be iterated or unpacked here; do that in a task that takes it as an argument"
        )

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, XComArg) and self.operator is other.operator and self.key == other.key

    def __hash__(self) -> int:
        return hash((id(self.operator), self.key))

    def __str__(self) -> str:
        key = "" if self.key == RETURN_VALUE else f", key={self.key!r}"
        return f"{{{{ task_instance.xcom_pull(task_ids={self.operator.task_id!r}{key}) }}}}"

    def __repr__(self) -> str:
        return f"XComArg({self.operator!r}, key={self.key!r})"

    @property
    def roots(self) -> list[BaseOperator]:
        """The task itself."""
        return [self.operator]

    @property
    def leaves(self) -> list[BaseOperator]:
        """The task itself."""
        return [self.operator]

    def first_tasks(self) -> Sequence[BaseOperator]:
        return (self.operator,)

    def last_tasks(self) -> Sequence[BaseOperator]:
        return (self.operator,)

    def resolve(self, context: Context) -> Any:
        """The value in this run. A return value that is not there is None; another key raises XComNotFound."""
        missing = object()
        value = context["ti"].xcom_pull(task_ids=self.operator.task_id, key=self.key, default=missing)
        if value is not missing:
            return value
        if self.key == RETURN_VALUE:
            return None
        raise XComNotFound(
            f"task {self.operator.task_id!r} has pushed nothing under {self.key!r} in run {context['run_id']!r}: "
            f"call ti.xcom_push({self.key!r}, ...) there, or give it multiple_outputs=True if it returns a dict"
        )


def xcom_args_in(value: object, _seen: set[int] | None = None) -> Iterator[XComArg]:
    """All :class:`XComArg` in `value`, deep in lists, tuples, dicts, sets and objects with ``template_fields``."""
    if isinstance(value, XComArg):
        yield value
        return
    if value is None or isinstance(value, str | int | float | bytes):
        return
    seen: set[int] = set() if _seen is None else _seen
    if id(value) in seen:
        return
    seen.add(id(value))
    for item in _parts(value):
        yield from xcom_args_in(item, seen)


def without_results(value: Any) -> Any:
    """`value` with None in place of what is known only when tasks run; deep in lists, tuples, dicts and sets."""
    if isinstance(value, Resolvable):
        return None
    if isinstance(value, dict):
        return {key: without_results(item) for key, item in cast("dict[Any, Any]", value).items()}
    if type(value) in (list, tuple, set):
        return value.__class__(without_results(item) for item in cast("Iterable[Any]", value))
    return value


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[object, object]", value).values()
    if isinstance(value, list | tuple | set | frozenset):
        return cast("Iterable[object]", value)
    fields: Any = getattr(type(value), "template_fields", ())
    if isinstance(fields, list | tuple | set | frozenset):
        return [getattr(value, field, None) for field in cast("Iterable[str]", fields)]
    return ()
