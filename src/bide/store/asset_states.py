"""What tasks keep with assets."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.schema import asset_state
from bide.store.upserting import upsert

_s = asset_state.c
_insert = upsert(asset_state)
_put = _insert.on_conflict_do_update(
    index_elements=["asset_uid", "key"],
    set_={"value": _insert.excluded.value, "updated_at": _insert.excluded.updated_at},
)
_get = sa.select(_s.value).where(_s.asset_uid == sa.bindparam("of"), _s.key == sa.bindparam("wanted"))
_clear = sa.delete(asset_state).where(_s.asset_uid == sa.bindparam("of"))
_delete = _clear.where(_s.key == sa.bindparam("wanted"))


def get(tx: Tx, asset_uid: str, key: str) -> bytes | None:
    """The value of `key`. Reads the primary key's index."""
    return tx.conn.execute(_get, {"of": asset_uid, "wanted": key}).scalar_one_or_none()


def put(tx: Tx, asset_uid: str, key: str, value: bytes) -> None:
    """Store a value; what had the same key before is replaced."""
    tx.conn.execute(_put, {"asset_uid": asset_uid, "key": key, "value": value, "updated_at": tx.now})


def delete(tx: Tx, asset_uid: str, key: str | None) -> None:
    """Forget one value, or all of the asset."""
    if key is None:
        tx.conn.execute(_clear, {"of": asset_uid})
    else:
        tx.conn.execute(_delete, {"of": asset_uid, "wanted": key})
