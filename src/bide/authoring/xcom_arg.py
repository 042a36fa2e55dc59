"""The result of a task as an argument of another: known only when both run, but a dependency at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from bide.authoring.lazy_xcoms import LazyXComSequence
from bide.authoring.resolving import Resolvable as Resolvable
from bide.authoring.sequences import Fetch, Mappable
from bide.authoring.sequences import xcom_args_in as xcom_args_in
from bide.authoring.setup_teardown import SetupTeardown
from bide.model.errors import InvalidArgument, XComNotFound
from bide.model.mapping import Element, Leaf

if TYPE_CHECKING:
    from bide.authoring.context import Context
    from bide.authoring.operator import BaseOperator
    from bide.model.map_spec import Source

#: Key under which a task's return value is stored.
RETURN_VALUE: Final = "return_value"


class XComArg(Mappable, SetupTeardown):
    """What `operator` pushes under `key`.

    ``result["name"]`` is what it pushes under that other key. In a string it becomes a template that pulls the
    value. Of a mapped task it is the sequence of what its instances have pushed; inside of a mapped group, what the
    instance with the same map index has.
    """

    def __init__(self, operator: BaseOperator, key: str = RETURN_VALUE) -> None:
        self.operator = operator
        self.key = key

    def __getitem__(self, key: str) -> XComArg:
        if not isinstance(key, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"a result is taken by the name of its key, not by {key!r}")
        return XComArg(self.operator, key)

    def __iter__(self) -> NoReturn:
        raise self._not_known("iterated or unpacked")

    def _refuse(self, other: object) -> NoReturn:
        raise self._not_known("compared or computed with")

    __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __mod__ = _refuse

    def _not_known(self, done: str) -> TypeError:
        return TypeError(
            f"the result of task {self.operator.task_id!r} is not known while the DAG file is read, "
            f"so it can't be {done} here; do that in a task that takes it as an argument"
        )

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

    def source(self) -> Source:
        """It is as long as what the task pushes."""
        from bide.model.map_spec import Source

        return Source("xcom", task_id=self.operator.task_id, key=self.key)

    def element(self, place: Element, fetch: Fetch) -> Any:
        """One element of what the task has pushed; of a mapped task, what one of its instances has."""
        assert isinstance(place, Leaf)
        return fetch(self, place)

    def references(self) -> Iterator[XComArg]:
        """Itself."""
        yield self

    def resolve(self, context: Context) -> Any:
        """The value in this run. A return value that is not there is None; another key raises XComNotFound."""
        missing, index = object(), None
        if self.operator.is_mapped or self.operator.get_closest_mapped_task_group() is not None:
            if not self.operator.is_in_step_with(context["ti"].task):
                return LazyXComSequence(self.operator.task_id, self.key)
            index = context["ti"].map_index
        value = context["ti"].xcom_pull(
            task_ids=self.operator.task_id, key=self.key, default=missing, map_indexes=index
        )
        if value is not missing:
            return value
        if self.key == RETURN_VALUE:
            return None
        raise XComNotFound(
            f"task {self.operator.task_id!r} has pushed nothing under {self.key!r} in run {context['run_id']!r}: "
            f"call ti.xcom_push({self.key!r}, ...) there, or give it multiple_outputs=True if it returns a dict"
        )


def without_results(value: Any) -> Any:
    """`value` with None in place of what is known only when tasks run; deep in lists, tuples, dicts and sets."""
    if isinstance(value, Resolvable):
        return None
    if isinstance(value, dict):
        return {key: without_results(item) for key, item in cast("dict[Any, Any]", value).items()}
    if type(value) in (list, tuple, set):
        return value.__class__(without_results(item) for item in cast("Iterable[Any]", value))
    return value
