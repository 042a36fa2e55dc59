"""What is stored of an XCom: itself encoded, what a backend makes of it, or where in object storage it is now."""

from __future__ import annotations

from typing import Any

from bide.authoring.xcom_arg import RETURN_VALUE
from bide.authoring.xcom_backend import StoredXCom, stored_by
from bide.authoring.xcom_storage import Place
from bide.model.values import encode
from bide.runner.settings import xcom_backend, xcom_storage


def stored_xcom(place: Place, key: str, value: Any) -> bytes:
    """What the engine is to keep of `value`, an XCom of `place`. It may go over the network first.

    Raises :class:`~bide.model.errors.NotSerializable` naming the part that can't be stored.
    """
    backend = xcom_backend()
    if backend is not None:
        return stored_by(
            backend, value, StoredXCom(None, key, place.dag_id, place.run_id, place.task_id, place.map_index)
        )
    data = encode(value, what="return value" if key == RETURN_VALUE else f"XCom {key}")
    storage = xcom_storage()
    return data if storage is None else storage.put(data, place, key)


def goes_elsewhere() -> bool:
    """Whether storing a value may take a while: a backend or object storage has it first."""
    return xcom_backend() is not None or xcom_storage() is not None
