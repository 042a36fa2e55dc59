"""Removes what XComs of deleted runs have left outside of the store."""

from __future__ import annotations

from typing import Any, cast

from bide.authoring.xcom_backend import StoredXCom, stored_value
from bide.model.errors import ConfigError
from bide.runner.settings import xcom_backend, xcom_storage
from bide.wire.purge_messages import PurgeXComs, StoredAway, XComsPurged


def purge(question: PurgeXComs) -> XComsPurged:
    """Remove each of them; one that fails holds up no other."""
    errors: dict[int, str] = {}
    for one in question.items:
        try:
            _remove(one)
        except Exception as error:
            errors[one.id] = f"{type(error).__name__}: {error}"
    return XComsPurged(errors)


def _remove(one: StoredAway) -> None:
    if one.task_id is None:
        storage = xcom_storage()
        if storage is None:
            raise ConfigError("[xcom] objectstorage_path is not set any more")
        storage.remove_run(one.dag_id, one.run_id)
        return
    backend = xcom_backend()
    if backend is None:
        raise ConfigError("[core] xcom_backend is not set any more")
    value = stored_value(one.value)
    cast("Any", backend).purge(StoredXCom(value, one.key, one.dag_id, one.run_id, one.task_id, one.map_index))
