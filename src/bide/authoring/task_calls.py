"""Calls of functions under ``@task``: what may be left out of them, and which can't be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, cast

from bide.model.errors import InvalidArgument

#: Arguments of these names may be left out of a call: the context gives them.
CONTEXT_NAMES = frozenset(
    (
        "conf",
        "conn",
        "dag",
        "dag_run",
        "data_interval_end",
        "data_interval_start",
        "ds",
        "ds_nodash",
        "execution_date",
        "inlet_events",
        "inlets",
        "logical_date",
        "macros",
        "map_index_template",
        "next_ds",
        "next_ds_nodash",
        "next_execution_date",
        "outlet_events",
        "outlets",
        "params",
        "prev_data_interval_end_success",
        "prev_data_interval_start_success",
        "prev_ds",
        "prev_ds_nodash",
        "prev_end_date_success",
        "prev_execution_date",
        "prev_execution_date_success",
        "prev_start_date_success",
        "run_id",
        "start_date",
        "task",
        "task_instance",
        "task_instance_key_str",
        "task_reschedule_count",
        "templates_dict",
        "test_mode",
        "ti",
        "tomorrow_ds",
        "tomorrow_ds_nodash",
        "triggering_asset_events",
        "triggering_dataset_events",
        "try_number",
        "ts",
        "ts_nodash",
        "ts_nodash_with_tz",
        "var",
        "yesterday_ds",
        "yesterday_ds_nodash",
    )
)


def check_call(task_id: str, function: Callable[..., Any], args: Any, kwargs: Any, *, is_all: bool = True) -> None:
    """Raise :class:`InvalidArgument` if the function can't be called like this, the context's names aside.

    Unless `is_all`, more arguments may come.
    """
    signature = inspect.signature(function)
    given_by_context = [
        parameter.replace(default=None)
        if parameter.name in CONTEXT_NAMES and parameter.kind is not parameter.VAR_KEYWORD
        else parameter
        for parameter in signature.parameters.values()
    ]
    relaxed: list[inspect.Parameter] = []
    optional = False
    for parameter in given_by_context:
        # A required argument after an optional one is legal here: it may be given by name.
        positional = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        if positional and optional and parameter.default is parameter.empty:
            parameter = parameter.replace(kind=parameter.KEYWORD_ONLY)
        optional = optional or (positional and parameter.default is not parameter.empty)
        relaxed.append(parameter)
    try:
        known = signature.replace(parameters=sorted(relaxed, key=lambda parameter: parameter.kind))
        (known.bind if is_all else known.bind_partial)(*args, **kwargs)
    except TypeError as error:
        raise InvalidArgument(
            f"task {task_id!r}: {function.__name__}{signature} can't be called like this: {error}"
        ) from None


def refuse_uncalled(task_id: str, arguments: Iterable[Any]) -> None:
    """Raise :class:`InvalidArgument` if a function under ``@task`` itself is an argument: its result was meant."""
    for value in arguments:
        if getattr(cast("Any", type(value)), "is_task_function", False):
            name = value.function.__name__
            raise InvalidArgument(
                f"task {task_id!r}: an argument is the @task function {name} itself; to pass its result, call it: "
                f"{name}()"
            )
