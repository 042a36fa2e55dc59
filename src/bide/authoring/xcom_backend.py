"""How XComs become bytes: the base of classes of one's own, which ``[core] xcom_backend`` names.

Such a class runs where tasks and triggers run. What its ``serialize_value()`` returns is stored; it may well put
the value elsewhere and return where that is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Final, NamedTuple, cast

from bide.authoring.runtime import current_runtime
from bide.authoring.xcom_arg import RETURN_VALUE as XCOM_RETURN_KEY
from bide.model.errors import ConfigError, ProtocolError
from bide.model.values import decode, encode

__all__ = ["XCOM_RETURN_KEY", "BaseXCom", "StoredXCom", "find_backend"]

#: How bytes begin that are no JSON themselves.
_RAW: Final = b'{"__bide__":["bytes"'


class StoredXCom(NamedTuple):
    """What ``deserialize_value()`` gets: what ``serialize_value()`` has returned, and whose it is."""

    value: Any
    key: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int


class BaseXCom:
    """Values as Bide stores them. A subclass overrides some of the first three methods."""

    XCOM_RETURN_KEY = XCOM_RETURN_KEY

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        """What to store: a text of JSON. Raises :class:`~bide.model.errors.NotSerializable`."""
        return encode(value, what="return value" if key == XCOM_RETURN_KEY else f"XCom {key}").decode()

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """The value again; ``result.value`` is what was stored."""
        stored = result.value
        return decode(stored.encode() if isinstance(stored, str) else stored)

    @staticmethod
    def purge(xcom: Any) -> None:
        """Remove what ``serialize_value()`` has put elsewhere, since the run is deleted; it may be called again.

        `xcom` is what ``deserialize_value()`` gets. What it raises is tried again later.
        """

    @classmethod
    def get_one(
        cls,
        *,
        key: str | None = XCOM_RETURN_KEY,
        task_id: str,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
        include_prior_dates: bool = False,
        **ignored: Any,
    ) -> Any:
        """One stored value, of this run unless `dag_id` and `run_id` say otherwise; None if there is none."""
        found = current_runtime().pull_xcoms(
            [task_id],
            key,
            dag_id=dag_id,
            run_id=run_id,
            map_indexes=None if map_index is None else [map_index],
            include_prior_dates=include_prior_dates,
        )
        return found[0].value if found else None

    @classmethod
    def get_value(cls, *, ti_key: Any, key: str = XCOM_RETURN_KEY) -> Any:
        """What the task instance that `ti_key` names has left; None if nothing."""
        names = {"task_id": ti_key.task_id, "dag_id": ti_key.dag_id, "run_id": ti_key.run_id}
        return cls.get_one(key=key, map_index=ti_key.map_index, **names)


@cache
def find_backend(path: str) -> type[BaseXCom]:
    """The class. Raises :class:`ConfigError` if there is none."""
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"[core] xcom_backend: there is no class {path!r}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, BaseXCom)):
        raise ConfigError(f"[core] xcom_backend: {path!r} must derive from BaseXCom")
    return found


def stored_by(backend: type[BaseXCom], value: Any, place: StoredXCom) -> bytes:
    """What the backend makes of `value`, as bytes."""
    serialize = cast("Callable[..., Any]", backend.serialize_value)
    names = place._asdict()
    del names["value"]
    made = serialize(value, **names)
    data = made.encode() if isinstance(made, str) else made
    if not isinstance(data, bytes):
        return encode(data, what=f"what {backend.__name__}.serialize_value() returned")
    return data if _is_stored_form(data) else encode(data, what="XCom")


def read_by(backend: type[BaseXCom], data: bytes, place: StoredXCom) -> Any:
    """The value again, by the backend."""
    return backend.deserialize_value(place._replace(value=stored_value(data)))


def stored_value(data: bytes) -> Any:
    """What a backend has returned, of the bytes that were made of it."""
    return decode(data) if data.startswith(_RAW) else data.decode()


def _is_stored_form(data: bytes) -> bool:
    """Whether those who only look can read it."""
    import msgspec

    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, ProtocolError, UnicodeDecodeError):
        return False
    return not data.startswith(_RAW)
