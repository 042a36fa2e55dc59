"""Parameters of runs: defaults in the DAG file, values in a run's ``conf``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from bide.authoring.xcom_arg import Resolvable
from bide.model.errors import InvalidArgument
from bide.model.param_schema import problem_of

if TYPE_CHECKING:
    from bide.authoring.context import Context
    from bide.authoring.dag import DAG


class _NoValue:
    """The type of :data:`NO_VALUE`."""

    def __repr__(self) -> str:
        return "NO_VALUE"

    def __bool__(self) -> bool:
        return False


#: Says that a parameter has no default, which None would not.
NO_VALUE: Final = _NoValue()


class Param:
    """A parameter with a default value, a description and a JSON schema.

    Keyword arguments other than `default`, `description` and `source` are the schema, as in
    ``Param(5, type="integer", minimum=1)``. Without a default each run must give a value.
    """

    def __init__(
        self, default: Any = NO_VALUE, description: str | None = None, source: str | None = None, **kwargs: Any
    ) -> None:
        self.value = default
        self.description = description
        self.source = source
        self.schema: dict[str, Any] = kwargs.pop("schema", kwargs)

    @property
    def has_value(self) -> bool:
        """Whether there is a default."""
        return self.value is not NO_VALUE

    def resolve(self, value: Any = NO_VALUE, suppress_exception: bool = False) -> Any:
        """`value`, or the default if that is left out, if it is as the schema says.

        Raises :class:`InvalidArgument` if there is no value, or a wrong one; None with `suppress_exception`.
        """
        final = self.value if value is NO_VALUE else value
        if final is NO_VALUE:
            problem = "the parameter has no default and the run's conf gives no value"
        else:
            problem = problem_of(self.schema, final)
        if not problem:
            return final
        if suppress_exception:
            return None
        raise InvalidArgument(problem)

    def serialize(self) -> dict[str, Any]:
        """Another name of :meth:`dump`."""
        return self.dump()

    def dump(self) -> dict[str, Any]:
        """Value, description and schema, for people and forms."""
        return {
            "value": self.value if self.has_value else None,
            "description": self.description,
            "schema": self.schema,
        }

    def __repr__(self) -> str:
        return f"Param({self.value!r}, {self.schema!r})"


class ParamsDict(MutableMapping[str, Any]):
    """Parameters by name. Reading one gives its value; :meth:`get_param` gives the :class:`Param` itself."""

    def __init__(self, params: Mapping[str, Any] | None = None, suppress_exception: bool = False) -> None:
        self._params: dict[str, Param] = {}
        self._suppress = suppress_exception
        if isinstance(params, ParamsDict):
            self._params.update(params._params)
        else:
            self.update(params or {})

    def __getitem__(self, name: str) -> Any:
        param = self._params[name]
        return param.value if param.has_value else None

    def __setitem__(self, name: str, value: Any) -> None:
        if isinstance(value, Param):
            self._params[name] = value
            return
        old = self._params.get(name) or Param()
        self._params[name] = Param(value, old.description, old.source, **old.schema)

    def __delitem__(self, name: str) -> None:
        del self._params[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def get_param(self, name: str) -> Param:
        """The parameter with its description and schema; KeyError if there is none."""
        return self._params[name]

    def dump(self) -> dict[str, Any]:
        """The values by name; None where there is none."""
        return dict(self)

    def validate(self) -> dict[str, Any]:
        """The values by name, if each is as its schema says.

        Raises :class:`InvalidArgument` naming the first that is not, or has no value.
        """
        values: dict[str, Any] = {}
        for name, param in self._params.items():
            try:
                values[name] = param.resolve(suppress_exception=self._suppress)
            except InvalidArgument as error:
                raise InvalidArgument(f"param {name!r}: {error}") from None
        return values

    def items_of(self) -> Mapping[str, Param]:
        """The parameters themselves, by name."""
        return self._params

    def defaults(self) -> dict[str, Any]:
        """The values of those that have one."""
        return {name: param.value for name, param in self._params.items() if param.has_value}

    def __repr__(self) -> str:
        return f"ParamsDict({self._params!r})"


class DagParam(Resolvable):
    """An argument of a function under ``@dag``: the value of the run's ``conf``, else the default."""

    def __init__(self, current_dag: DAG, name: str, default: Any = NO_VALUE) -> None:
        if default is not NO_VALUE or name not in current_dag.params:
            current_dag.params[name] = Param(default)
        self._name = name

    def resolve(self, context: Context) -> Any:
        """The value in this run: ``params`` has the run's conf over the defaults."""
        return context["params"][self._name]


def merge_params(dag: ParamsDict, task: ParamsDict, conf: Mapping[str, Any]) -> dict[str, Any]:
    """What ``params`` is in a task: the DAG's defaults, the task's over them, the run's `conf` over both.

    Raises :class:`InvalidArgument` naming a parameter that has no value anywhere, or one that its schema refuses.
    """
    merged = {**dag.defaults(), **task.defaults(), **conf}
    for name, param in {**dag.items_of(), **task.items_of()}.items():
        if name not in merged:
            raise InvalidArgument(f"param {name!r} has no default, so the run's conf must give a value for it")
        problem = problem_of(param.schema, merged[name])
        if problem:
            raise InvalidArgument(f"param {name!r}: {problem}")
    return merged
