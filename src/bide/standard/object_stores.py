"""Opening object storage: by the provider package that has a scheme, else by fsspec itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final, NamedTuple

from bide.authoring.providers import ProvidersManager
from bide.model.errors import ConfigError, InvalidArgument

#: Extra options of a file system, by name.
Properties = dict[str, str]

_LOCAL: Final = ("file", "local")


class ObjectStore(NamedTuple):
    """A file system under a name, see :func:`attach`."""

    protocol: str
    conn_id: str | None
    fs: Any


_attached: dict[str, ObjectStore] = {}


def get_fs(scheme: str, conn_id: str | None = None, storage_options: Mapping[str, Any] | None = None) -> Any:
    """The file system of fsspec for a scheme, with the connection `conn_id`.

    Raises :class:`ConfigError` if fsspec or the package for the scheme is missing.
    """
    options = dict(storage_options or {})
    opener = None if scheme in _LOCAL else _openers_by_scheme(scheme)
    if opener is not None:
        if len(inspect.signature(opener).parameters) > 1:
            return opener(conn_id, options)
        if options:
            raise InvalidArgument(f"file systems of {scheme!r} take no options, but {', '.join(options)} are given")
        return opener(conn_id)
    if conn_id is not None and scheme not in _LOCAL:
        raise ConfigError(
            f"no provider package that is installed opens {scheme}:// with the connection {conn_id!r}: "
            "install the one of that service by `bide provider add`"
        )
    try:
        return _fsspec().filesystem(scheme, **options)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"nothing that is installed opens {scheme}://: {error}") from error


def has_fs(scheme: str) -> bool:
    """Whether :func:`get_fs` knows the scheme; the package that it needs may still be missing."""
    return scheme in _LOCAL or _openers_by_scheme(scheme) is not None or scheme in _known_to_fsspec()


def attach(
    protocol: str | None = None,
    conn_id: str | None = None,
    alias: str | None = None,
    encryption_type: str | None = None,
    fs: Any = None,
) -> ObjectStore:
    """Give a file system a name: paths that begin with ``ALIAS://`` are in it from now on, in this process.

    It is `fs`, or the one of `protocol` with the connection `conn_id`. `alias` is `protocol` unless given, with
    ``-CONN_ID`` behind it. `encryption_type` is accepted.
    """
    known = _attached.get(alias or "")
    if known is not None and fs is None:
        return known
    if not protocol:
        raise InvalidArgument("attach() needs a protocol: there is nothing yet under that alias")
    name = alias or (f"{protocol}-{conn_id}" if conn_id else protocol)
    store = ObjectStore(protocol, conn_id, get_fs(protocol, conn_id) if fs is None else fs)
    _attached[name] = store
    return store


def attached(protocol: str, conn_id: str | None) -> ObjectStore | None:
    """What :func:`attach` has put under a protocol or alias; with a connection only what was attached with it."""
    return _attached.get(f"{protocol}-{conn_id}" if conn_id else protocol)


@cache
def _openers_by_scheme(scheme: str) -> Any:
    """The function of a provider package that opens a scheme; None if there is none."""
    modules = ProvidersManager().filesystem_module_names
    # The likely ones first: importing those of all services takes seconds.
    for name in sorted(modules, key=lambda one: one.rpartition(".")[2] not in scheme):
        try:
            module = import_module(name)
        except ImportError:  # what that service needs is not installed; it may well be another's scheme
            continue
        if scheme in _texts(getattr(module, "schemes", ())):
            return getattr(module, "get_fs")  # noqa: B009  a module of any package
    return None


def _texts(values: Iterable[Any]) -> list[str]:
    return [str(value) for value in values]


def _known_to_fsspec() -> list[str]:
    return _fsspec().available_protocols()


def _fsspec() -> Any:
    try:
        return import_module("fsspec")
    except ImportError:
        raise ConfigError("paths in object storage need the package fsspec: pip install 'bide[objects]'") from None
