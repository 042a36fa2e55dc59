"""Which hook is for connections of which type: installed packages say so by entry points.

``apache_airflow_provider`` is what provider packages for Airflow have; in ``bide.hooks`` each name is a type of
connections and its value the hook's class.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, cast

from bide.authoring.providers import load_path, provider_infos
from bide.model.errors import NotFound

if TYPE_CHECKING:
    from bide.authoring.connection import Connection

_OWN: Final = "bide.hooks"


def make_hook(connection: Connection, params: dict[str, Any]) -> Any:
    """The hook for `connection`, by its id, with further arguments. Raises :class:`NotFound`."""
    cls = hook_class(connection.conn_type or "")
    name = getattr(cls, "conn_name_attr", "conn_id")
    return cls(**{name: connection.conn_id, **params})


def ask_hook(connection: Connection) -> tuple[bool, str]:
    """What the hook's own ``test_connection`` says; what it raises is a failure."""
    try:
        hook = make_hook(connection, {})
    except NotFound as error:
        return False, str(error)
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"
    test = getattr(hook, "test_connection", None)
    if test is None:
        return False, f"{type(hook).__name__} does not say how to test a connection: it has no test_connection()"
    try:
        good, said = cast("tuple[bool, str]", test())
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"
    return bool(good), str(said)


def hook_class(conn_type: str) -> type[Any]:
    """The class. Raises :class:`NotFound`, naming the types that there are."""
    known = _known_types()
    place = known.get(conn_type)
    if place is None:
        names = ", ".join(sorted(known)) or "none"
        raise NotFound(
            f"no installed package has a hook for connections of type {conn_type!r} (there are hooks for: "
            f"{names}): install the provider package of that service"
        )
    return cast("type[Any]", load_path(place))


@cache
def _known_types() -> dict[str, str]:
    """Path of the hook's class by type of connections."""
    found: dict[str, str] = {}
    for info in provider_infos():
        for one in info.get("connection-types", ()):
            found[one["connection-type"]] = one["hook-class-name"]
    found.update({entry.name: entry.value for entry in entry_points(group=_OWN)})
    return found
