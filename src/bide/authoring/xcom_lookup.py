"""What ``xcom_pull()`` finds, wherever it is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bide.authoring.runtime import current_runtime
from bide.model.errors import InvalidArgument
from bide.model.ids import NOT_MAPPED


def pull(
    task_ids: Sequence[str],
    key: str | None,
    *,
    single: bool,
    dag_id: str | None,
    run_id: str | None,
    map_indexes: int | Sequence[int] | None,
    include_prior_dates: bool,
    default: Any,
) -> Any:
    """What these tasks have stored under `key`: with `single` the first value, else a list in their order.

    None for `key` is the newest value, under whatever key. A task that is mapped gives a list of its own, unless
    `map_indexes` is a single number.
    """
    for what, text in (("key", key), *(("task id", task_id) for task_id in task_ids)):
        if text is not None and not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"xcom_pull(): the {what} must be a string, not {text!r}")
    found = current_runtime().pull_xcoms(
        task_ids,
        key,
        dag_id=dag_id,
        run_id=run_id,
        map_indexes=(map_indexes,) if isinstance(map_indexes, int) else map_indexes,
        include_prior_dates=include_prior_dates,
    )
    values: list[Any] = []
    for task_id in task_ids:
        records = [record for record in found if record.task_id == task_id]
        mapped = isinstance(map_indexes, Sequence) or any(record.map_index != NOT_MAPPED for record in records)
        if mapped and not isinstance(map_indexes, int):
            if single and records:
                return [record.value for record in records]
            values.extend(record.value for record in records)
        elif records:
            if single:
                return records[0].value
            values.append(records[0].value)
        elif not single:
            values.append(default)
    return default if single else values
