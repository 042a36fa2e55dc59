"""Bring a store's schema up to date.

A store that is up to date costs one small query; Alembic is imported only when there is something to do. A store
made by a newer Bide is refused, since this one would not know what its rows mean.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import sqlalchemy.exc

from bide.model.errors import StoreSchemaError
from bide.store.database import Store
from bide.store.failures import translate
from bide.store.schema import metadata

#: The newest revision in ``migrations/versions``; a test compares it with the folder.
HEAD: Final = "0001"
_FOLDER: Final = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Which revision a store has; None before its first migration."""

    revision: str | None

    @property
    def is_current(self) -> bool:
        """Whether nothing has to be done."""
        return self.revision == HEAD


def schema_state(store: Store) -> SchemaState:
    """Read the store's revision. Raises StoreDamaged or StoreUnavailable."""
    return store.read_here(lambda tx: SchemaState(_revision(tx.conn)))


def _revision(conn: sa.Connection) -> str | None:
    if not sa.inspect(conn).has_table("alembic_version"):
        return None
    return conn.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def upgrade(store: Store) -> SchemaState:
    """Apply the migrations that are missing; the answer has the revision that the store had before.

    Raises :class:`StoreSchemaError` if a newer Bide made the store.
    """
    before = schema_state(store)
    if before.is_current:
        return before
    try:
        if before.revision is None and _create(store):
            return before
        _check_known(store, before)
        replay(store)
    except sqlalchemy.exc.DBAPIError as error:
        raise translate(error, store.shown) from error
    return before


def _check_known(store: Store, before: SchemaState) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions()}
    if before.revision is not None and before.revision not in known:
        raise StoreSchemaError(
            f"store {store.shown}: its schema {before.revision!r} is of a newer Bide; "
            f"this one knows up to {HEAD!r}. Use that version, or another store"
        )


def _create(store: Store) -> bool:
    """Give an empty store the newest schema at once; False if it is not empty.

    A test holds the declared tables and what the migrations make together, so a new store, the commonest case,
    need not import Alembic nor replay the past.
    """
    with store.exclusive() as conn:
        # A second process that starts at the same moment waits here, and then finds nothing to do.
        if sa.inspect(conn).get_table_names():
            return False
        metadata.create_all(conn)
        conn.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        conn.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    return True


def replay(store: Store) -> None:
    """Run the migrations that the store has not had."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    # A second process that starts at the same moment waits for the lock, and then finds nothing to do.
    with store.exclusive() as conn:
        if _revision(conn) == HEAD:
            return
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
