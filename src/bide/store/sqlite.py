"""SQLite as a store: one file, one writer.

A single thread owns the writing connection. It takes every transaction that is waiting, or comes while it works,
runs each in a savepoint of its own and commits them together, so that one fsync serves many; whoever waits is told
after the commit. Reads run beside it (WAL).
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import sqlalchemy.event
import sqlalchemy.exc

from bide.model.clock import Clock
from bide.model.errors import BideError, StoreDamaged, StoreUnavailable
from bide.store.bell import Bell, Topic
from bide.store.failures import translate
from bide.store.sequels import Sequels
from bide.store.transaction import Job, T, Tx, Work

_log = logging.getLogger(__name__)

#: Transactions that one commit may carry.
_GROUP: Final = 128
#: Milliseconds that a statement waits for another process's lock.
_BUSY_MS: Final = 5_000
#: Execution option of a connection whose transactions take the write lock when they begin.
_WRITES: Final = "bide_writes"
#: SQLAlchemy's own savepoints are compiled anew each time, which costs more than most statements inside.
_SET_SAVEPOINT: Final = "SAVEPOINT job"
_GO_BACK: Final = "ROLLBACK TO job"
_RELEASE: Final = "RELEASE job"


class SqliteDatabase:
    """:class:`~bide.store.database.Database` in one file."""

    is_shared = False

    def __init__(self, url: sa.URL, clock: Clock, *, server_time: bool = True) -> None:
        """`server_time` changes nothing: without a server `clock` counts."""
        self.away_at = float("-inf")
        self.shown = url.render_as_string(hide_password=True)
        if url.database:
            _make_folder(Path(url.database).parent, self.shown)
        connecting = {"check_same_thread": False, "timeout": _BUSY_MS / 1000}
        # What users store must not stand in an error.
        engine = sa.create_engine(url, connect_args=connecting, hide_parameters=True)
        sqlalchemy.event.listen(engine, "connect", _prepare_connection)
        sqlalchemy.event.listen(engine, "begin", _begin)
        try:
            with engine.connect() as conn:
                conn.execute(sa.text("SELECT count(*) FROM sqlite_master")).scalar_one()
        except sqlalchemy.exc.DBAPIError as error:
            engine.dispose()
            raise translate(error, self.shown) from error
        self.engine = engine
        self.clock = clock
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._deliver: Callable[[list[Job]], None] = lambda jobs: None
        self._sequels = Sequels()
        self._stops = False
        self._writing = _WritingConnection(engine)
        self._writer = threading.Thread(target=self._write_forever, name="bide-store-write", daemon=True)

    def start(self, deliver: Callable[[list[Job]], None], sequels: Sequels) -> None:
        """See :class:`~bide.store.database.Database`."""
        self._deliver = deliver
        self._sequels = sequels
        self._writer.start()

    def put(self, job: Job) -> None:
        """See :class:`~bide.store.database.Database`."""
        self._jobs.put(job)

    def stop(self) -> None:
        """See :class:`~bide.store.database.Database`."""
        self._jobs.put(None)
        self._writer.join()

    def disconnect(self) -> None:
        """See :class:`~bide.store.database.Database`."""
        self.engine.dispose()

    def hear(self, bell: Bell) -> None:
        """Nobody else writes: other processes ring through the socket of the engine."""

    def read(self, work: Work[T]) -> T:
        """See :class:`~bide.store.database.Database`."""
        try:
            with self.engine.connect() as conn:
                return work(Tx(conn, self.clock.now()))
        except sqlalchemy.exc.DBAPIError as error:
            raise translate(error, self.shown) from error

    @contextmanager
    def exclusive(self) -> Generator[sa.Connection]:
        """A connection in a transaction that has the write lock from its first moment on."""
        with self._connect_to_write() as conn, conn.begin():
            yield conn

    def _connect_to_write(self) -> sa.Connection:
        return self.engine.connect().execution_options(**{_WRITES: True})

    # --- the writer's thread ------------------------------------------------------------------------------------

    def _write_forever(self) -> None:
        while not self._stops:
            job = self._jobs.get()
            if job is None:
                break
            group = [job]
            self._take_waiting(group)
            self._commit_group(group)
            self._deliver(group)
        self._writing.close()

    def _take_waiting(self, group: list[Job]) -> list[Job]:
        """Add what waits by now to `group`, as far as there is room; the answer has what was added."""
        size = len(group)
        while len(group) < _GROUP and not self._stops:
            try:
                further = self._jobs.get_nowait()
            except queue.Empty:
                break
            if further is None:
                self._stops = True
            else:
                group.append(further)
        return group[size:]

    def _commit_group(self, group: list[Job]) -> None:
        """Run the jobs of `group`, and what is asked for meanwhile, and commit them all, or leave an error in each.

        What follows from the end of a task is often asked for while that is being written, and shares its fsync.
        """
        try:
            with self._writing.transaction() as conn:
                following = group
                if len(group) == 1:
                    self._run_alone(conn, group[0])
                    following = self._take_waiting(group)
                while following:
                    for job in following:
                        self._run_beside(conn, job)
                    following = self._take_waiting(group)
                self._run_sequels(conn, [job for job in group if job.error is None])
        except sqlalchemy.exc.DBAPIError as error:
            for job in group:
                job.fail(self._translate(error))
        except BaseException as error:
            for job in group:
                job.fail(error)

    def _run_alone(self, conn: sa.Connection, job: Job) -> None:
        """Run the only job of a commit: what it raises undoes the transaction itself."""
        tx = Tx(conn, self.clock.now())
        job.result = job.work(tx)
        job.topics = frozenset(tx.topics)

    def _run_beside(self, conn: sa.Connection, job: Job) -> None:
        """Run one of several in a savepoint; its own error stays with it.

        Raises what has cost the whole group its transaction.
        """
        tx = Tx(conn, self.clock.now())
        conn.exec_driver_sql(_SET_SAVEPOINT)
        try:
            job.result = job.work(tx)
        except Exception as error:
            job.error = self._translate(error) if isinstance(error, sqlalchemy.exc.DBAPIError) else error
            # SQLite itself ends the transaction when it can't write: then there is no savepoint to go back to.
            if isinstance(job.error, StoreUnavailable | StoreDamaged) or not _in_transaction(conn):
                raise
            conn.exec_driver_sql(_GO_BACK)
            conn.exec_driver_sql(_RELEASE)
        else:
            conn.exec_driver_sql(_RELEASE)
            job.topics = frozenset(tx.topics)

    def _run_sequels(self, conn: sa.Connection, group: list[Job]) -> None:
        """Do once for all of `group` what follows from it, in a savepoint: its own error harms nobody."""
        rung = frozenset[Topic]().union(*(job.topics for job in group))
        tx = Tx(conn, self.clock.now(), topics=set(rung))
        if not self._sequels.wanted(tx):
            return
        conn.exec_driver_sql(_SET_SAVEPOINT)
        try:
            written = self._sequels.write(tx)
        except Exception:
            if not _in_transaction(conn):
                raise
            _log.exception("what follows from a transaction is left to the next one")
            conn.exec_driver_sql(_GO_BACK)
            conn.exec_driver_sql(_RELEASE)
            return
        conn.exec_driver_sql(_RELEASE)
        for job in group:
            job.topics &= tx.topics
        group[0].topics |= tx.topics - rung
        group[0].sequels = written

    def _translate(self, error: sqlalchemy.exc.DBAPIError) -> BideError:
        translated = translate(error, self.shown)
        translated.__cause__ = error
        return translated


class _WritingConnection:
    """The writer's connection, kept from one commit to the next; after an error there is a new one."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._conn: sa.Connection | None = None

    @contextmanager
    def transaction(self) -> Generator[sa.Connection]:
        """As :meth:`SqliteDatabase.exclusive`, for the writer alone."""
        if self._conn is None:
            self._conn = _connect_to_write(self._engine)
        try:
            with self._conn.begin():
                yield self._conn
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def _connect_to_write(engine: sa.Engine) -> sa.Connection:
    return engine.connect().execution_options(**{_WRITES: True})


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -16384")


def _begin(conn: sa.Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get(_WRITES) else "BEGIN")


def _in_transaction(conn: sa.Connection) -> bool:
    return isinstance(conn.connection.driver_connection, sqlite3.Connection) and (
        conn.connection.driver_connection.in_transaction
    )


def _make_folder(folder: Path, url: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"store {url}: can't make the folder {folder}: {error.strerror}") from error
