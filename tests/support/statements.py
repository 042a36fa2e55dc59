"""One cache of compiled statements for all stores of a test process."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.util import LRUCache

from bide.store.sealing import Sealed


class _Cache(dict[tuple[Any, ...], Any]):
    """By the kind of database, where SQLAlchemy's own cache is by the engine a statement belongs to.

    Each test opens a store of its own, and would compile all statements once more. Those that seal or open values
    stay each engine's own, since they do it with its keys.
    """

    def __init__(self) -> None:
        self._own: LRUCache[tuple[Any, ...], Any] = LRUCache(500)

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        found = super().get((key[0].name, *key[1:]))
        return self._own.get(key, default) if found is None else found

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        if _seals(compiled):
            self._own[key] = compiled
        else:
            super().__setitem__((key[0].name, *key[1:]), compiled)


_CACHE: Final = _Cache()


def _seals(compiled: Any) -> bool:
    types = [bind.type for bind in compiled.bind_names] + [column.type for column in compiled._result_columns]
    return any(isinstance(kind, Sealed) for kind in types)


def share_compiled_statements() -> None:
    """Have all connections from now on use the cache."""
    event.listen(sa.Engine, "engine_connect", _use)


def _use(conn: sa.Connection) -> None:
    conn.execution_options(compiled_cache=_CACHE)
