"""Reads connections, variables and pools out of Airflow's metadata database, and writes nothing there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bide.model.connection_fields import ConnectionFields, as_port, normal_type
from bide.model.errors import BideError
from bide.model.pools import Pool
from bide.store.connections import ConnectionRow
from bide.store.variables import VariableRow

_SQLITE: Final = "sqlite:///"


class NotReadable(BideError):
    """Airflow's database can't be read, or what is in it can't be decrypted."""


class Kept(NamedTuple):
    """What was in it."""

    connections: list[ConnectionRow]
    variables: list[VariableRow]
    pools: list[Pool]


def read_airflow_database(url: str, fernet_keys: Sequence[str]) -> Kept:
    """What the database at `url` keeps; `fernet_keys` are Airflow's. Raises :class:`NotReadable`."""
    decrypt = _decryption(fernet_keys)
    with open_airflow_database(url) as connection:
        return Kept(
            [_connection(row, decrypt) for row in _rows(connection, "connection", "conn_id")],
            [_variable(row, decrypt) for row in _rows(connection, "variable", "key")],
            [_pool(row) for row in _rows(connection, "slot_pool", "pool")],
        )


@contextlib.contextmanager
def open_airflow_database(url: str) -> Generator[sa.Connection]:
    """A connection to the database at `url` that can't write; what fails in it raises :class:`NotReadable`."""
    try:
        with _open(url) as connection:
            yield connection
    except ArgumentError:
        raise NotReadable("that is no URL of a database: write postgresql://USER@HOST/DATABASE") from None
    except ImportError as error:
        advice = "install the driver, or export files with the commands of Airflow"
        raise NotReadable(f"{_shown(url)} can't be opened: {error}; {advice}") from None
    except (SQLAlchemyError, OSError) as error:
        # The text of a driver's error may have the URL in it.
        text = str(getattr(error, "orig", None) or error).replace(url, _shown(url)).splitlines()[0]
        raise NotReadable(f"{_shown(url)} can't be read as Airflow's database: {text}") from None


def _shown(url: str) -> str:
    return sa.make_url(url).render_as_string(hide_password=True)


@contextlib.contextmanager
def _open(url: str) -> Generator[sa.Connection]:
    """A connection that can't write."""
    engine = sa.create_engine(_read_only_url(url))
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            yield connection
    finally:
        engine.dispose()


def _read_only_url(url: str) -> str:
    if url.startswith(_SQLITE):
        path = Path(url.removeprefix(_SQLITE).partition("?")[0])
        if not path.is_file():
            raise NotReadable(
                f"there is no file {path}: a path that begins at the root has four slashes, {_SQLITE}/..."
            )
        return f"{_SQLITE}file:{quote(str(path))}?mode=ro&uri=true"
    scheme, separator, rest = url.partition("://")
    if scheme.partition("+")[0] in ("postgres", "postgresql"):
        return f"postgresql+psycopg{separator}{rest}"
    return url


def _rows(connection: sa.Connection, name: str, order: str) -> list[Any]:
    """All rows of a table, in the order of a column."""
    table = find_table(connection, name)
    return list(connection.execute(sa.select(table).order_by(table.c[order])).mappings())


def find_table(connection: sa.Connection, name: str) -> sa.Table:
    """A table with the columns that this release of Airflow gave it."""
    return sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)


Decrypt = Callable[[str, str], str]


def _decryption(keys: Sequence[str]) -> Decrypt:
    try:
        fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None
    except ValueError:
        raise NotReadable("Airflow's fernet key is no Fernet key: 32 bytes in URL-safe base64") from None

    def decrypt(text: str, what: str) -> str:
        if fernet is None:
            raise NotReadable(
                f"{what} is encrypted: give Airflow's key by --fernet-key, by AIRFLOW__CORE__FERNET_KEY or in "
                "airflow.cfg"
            )
        try:
            return fernet.decrypt(text.encode()).decode()
        except InvalidToken:
            raise NotReadable(f"{what} was encrypted by another key than the one that is given") from None

    return decrypt


def _connection(row: Any, decrypt: Decrypt) -> ConnectionRow:
    conn_id = str(row["conn_id"])
    what = f"connection {conn_id!r}"
    password, extra = row["password"], row["extra"]
    if password and row["is_encrypted"]:
        password = decrypt(password, what)
    if extra and row["is_extra_encrypted"]:
        extra = decrypt(extra, what)
    fields = ConnectionFields(
        conn_type=normal_type(row["conn_type"]),
        description=row.get("description"),
        host=row["host"],
        login=row["login"],
        password=password,
        schema=row["schema"],
        port=as_port(row["port"], what=what),
        extra=extra,
    )
    return ConnectionRow(conn_id, fields)


def _variable(row: Any, decrypt: Decrypt) -> VariableRow:
    key, value = str(row["key"]), row["val"] or ""
    if value and row["is_encrypted"]:
        value = decrypt(value, f"variable {key!r}")
    return VariableRow(key, value, row.get("description") or "")


def _pool(row: Any) -> Pool:
    return Pool(row["pool"], row["slots"], row.get("description") or "", bool(row.get("include_deferred")))
