"""Whether a store is sound, and how large it is."""

from __future__ import annotations

import sqlalchemy as sa

from bide.store.database import Tx


def find_problems(tx: Tx) -> list[str]:
    """What is wrong with the database itself, one line each. Reads all of an SQLite file."""
    if tx.conn.dialect.name == "sqlite":
        sound = tx.conn.execute(sa.text("PRAGMA integrity_check")).scalars()
        dangling = tx.conn.execute(sa.text("PRAGMA foreign_key_check"))
        return [
            *(line for line in sound if line != "ok"),
            *(
                f"table {table}, row {row}: what it names in {other} is missing"
                for table, row, other, _ in dangling
            ),
        ]
    invalid = tx.conn.execute(
        sa.text(
            "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid "
            "WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace ORDER BY 1"
        )
    ).scalars()
    problems = [f"index {name} is not valid: REINDEX it" for name in invalid]
    encoding = tx.conn.execute(sa.text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        problems.append(f"the database has encoding {encoding}: make one with ENCODING 'UTF8'")
    return problems


def size(tx: Tx) -> int:
    """Bytes on the disk."""
    if tx.conn.dialect.name == "sqlite":
        pages = tx.conn.execute(sa.text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))
        return pages.scalar_one()
    return tx.conn.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
