"""``@dag``: a function whose calls make DAGs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, cast, overload

from bide.authoring.dag import DAG

P = ParamSpec("P")


@overload
def dag(dag_id: Callable[P, Any]) -> Callable[P, DAG]: ...
@overload
def dag(dag_id: str = "", *args: Any, **options: Any) -> Callable[[Callable[P, Any]], Callable[P, DAG]]: ...
def dag(dag_id: Any = "", *args: Any, **options: Any) -> Any:
    """``@dag``: calling the function makes a DAG of the tasks that it makes.

    With or without parentheses; `options` are those of :class:`DAG`, the id is the function's name if it is left
    out. Arguments of the function are parameters of the DAG: in the body they stand for the value of a run's
    ``conf``, or for what the call gave.
    """
    if callable(dag_id):
        return _dag_factory(cast("Callable[..., Any]", dag_id), (), {})

    def decorate(function: Callable[P, Any]) -> Callable[P, DAG]:
        return _dag_factory(function, (dag_id or function.__name__, *args), options)

    return decorate


def _dag_factory(function: Callable[P, Any], args: tuple[Any, ...], options: dict[str, Any]) -> Callable[P, DAG]:
    made_with: Any = functools.partial(DAG, *(args or (function.__name__,)), **options)

    @functools.wraps(function)
    def factory(*args: P.args, **kwargs: P.kwargs) -> DAG:
        bound = inspect.signature(function).bind(*args, **kwargs)
        bound.apply_defaults()
        with made_with() as made:
            if function.__doc__ and not made.doc_md:
                made.doc_md = inspect.cleandoc(function.__doc__)
            made.fileloc = options.get("full_filepath") or inspect.unwrap(function).__code__.co_filename
            function(**{name: made.param(name, value) for name, value in bound.arguments.items()})  # type: ignore[call-arg]
        vars(factory)["dags_made"] += 1
        return made

    vars(factory)["dags_made"] = 0
    return factory


def is_dag_function(value: object) -> bool:
    """Whether `value` is a function under ``@dag``; its ``dags_made`` counts its calls."""
    return inspect.isfunction(value) and "dags_made" in vars(value)
