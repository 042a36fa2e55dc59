"""Stored XComs as values."""

from __future__ import annotations

from typing import Any

from bide.authoring.xcom_backend import StoredXCom, read_by
from bide.model.values import decode
from bide.runner.settings import xcom_backend
from bide.wire.messages import XComValue


def read_xcom(found: XComValue, dag_id: str, run_id: str) -> Any:
    """The value of a stored XCom."""
    backend = xcom_backend()
    if backend is None:
        return decode(found.value)
    place = StoredXCom(None, found.key, dag_id, run_id, found.task_id, found.map_index)
    return read_by(backend, found.value, place)
