"""What psycopg raises, and what it means for a transaction."""

from __future__ import annotations

from typing import Final

import psycopg
import psycopg.errors
import sqlalchemy.exc

from bide.model.errors import BideError, StoreError, StoreUnavailable

#: What a statement may raise: SQLAlchemy's form, or the driver's own.
DRIVER_ERRORS: Final = (sqlalchemy.exc.DBAPIError, psycopg.Error)
#: Two transactions met; the same one may succeed when it is run again.
_MET: Final = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
)


def said(error: BaseException) -> str:
    """The driver's message in one line, without the server's details: they have what users store."""
    origin = _origin(error)
    primary = origin.diag.message_primary if isinstance(origin, psycopg.Error) else None
    return " ".join((primary or str(origin)).split())


def is_collision(error: BaseException) -> bool:
    """Whether the same transaction may succeed when it is run again: it met another, or that was quicker."""
    return isinstance(_origin(error), (*_MET, psycopg.errors.UniqueViolation))


def is_away(error: BaseException) -> bool:
    """Whether the connection, or the server, is gone for now."""
    origin = _origin(error)
    if isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated:
        return True
    if not isinstance(origin, psycopg.Error):
        return False
    if origin.sqlstate is None:
        # Not said by the server: it could not be reached, or hung up.
        return isinstance(origin, psycopg.OperationalError)
    # Class 08: connection exception; 57P: shut down, crashed, starting; 25P03: it was idle in a transaction;
    # 53300: too many connections.
    return origin.sqlstate.startswith(("08", "57P")) or origin.sqlstate in ("25P03", "53300")


def translate(error: BaseException, shown: str) -> BideError:
    """The error of Bide for a driver's `error` of the store `shown`."""
    origin = _origin(error)
    if is_away(error):
        return StoreUnavailable(f"store {shown}: the server can't be reached: {said(error)}")
    if isinstance(origin, (*_MET, psycopg.errors.DiskFull, psycopg.errors.OutOfMemory)):
        return StoreUnavailable(f"store {shown}: {said(error)}")
    if isinstance(origin, psycopg.errors.ReadOnlySqlTransaction):
        return StoreUnavailable(f"store {shown}: the server takes no writes (a standby?): {said(error)}")
    return StoreError(f"store {shown}: {said(error)}")


def _origin(error: BaseException) -> BaseException:
    return error.orig or error if isinstance(error, sqlalchemy.exc.DBAPIError) else error
