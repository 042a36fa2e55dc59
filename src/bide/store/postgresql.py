"""PostgreSQL as a store: many engines, several writers in each.

Each writer's thread takes one transaction at a time, so that no transaction waits for another's locks longer than
it has to. What a transaction decides upon, it locks: runs before instances before waits, each by uid, so that
concurrent engines wait for each other instead of blocking each other. Where they do all the same, PostgreSQL ends
one of them, and it is run again; so is one that lost its connection before its COMMIT. If the answer to a COMMIT is
lost, the server is asked by the transaction's number what became of it, before anything is done twice.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final, cast

import psycopg
import sqlalchemy as sa
import sqlalchemy.event
from psycopg.abc import Buffer
from psycopg.types.string import StrDumper

from bide.model.clock import Clock
from bide.model.errors import StoreError
from bide.store.bell import Bell
from bide.store.postgresql_bell import Messenger
from bide.store.postgresql_commits import CommitRecord, forget, send
from bide.store.postgresql_errors import DRIVER_ERRORS, is_away, is_collision, translate
from bide.store.sequels import Sequels
from bide.store.server_clock import ServerClock
from bide.store.transaction import Job, T, Tx, Work, Written

_log = logging.getLogger(__name__)

#: Transactions that write at the same time. More threads of one interpreter do not write faster.
_WRITERS: Final = 4
_READERS: Final = 2
#: Seconds for which a transaction is tried again while the server is away, before its caller is told.
_PATIENCE: Final = 5.0
#: Seconds between two attempts: the first, doubled up to the last.
_FIRST_PAUSE: Final = 0.02
_LAST_PAUSE: Final = 1.0
#: Names the lock under which the schema is changed: "bide" in ASCII.
_SCHEMA_LOCK: Final = 0x62696465
#: For every connection. An engine that is stopped in the middle of a transaction holds up others for seconds only.
_SETTINGS: Final = (
    "SET TIME ZONE 'UTC'; SET idle_in_transaction_session_timeout = '4s'; SET lock_timeout = '8s'; SET jit = off"
)
_CONNECT: Final[dict[str, Any]] = {
    "autocommit": True,  # transactions are begun by hand, together with a look at the clock
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "bide",
}
_BEGIN_READING: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT now()"
#: How often a transaction is run again after it met others.
_COLLISIONS: Final = 10


class PostgresDatabase:
    """:class:`~bide.store.database.Database` on a server."""

    is_shared = True

    def __init__(self, url: sa.URL, clock: Clock, *, server_time: bool = True) -> None:
        """With `server_time` false, `clock` counts and not the server's (for tests that hold the clock)."""
        self.shown = url.render_as_string(hide_password=True)
        self.engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={name: value for name, value in _CONNECT.items() if name not in url.query},
            pool_size=_WRITERS + _READERS,
            max_overflow=1,
            pool_use_lifo=True,
            use_native_hstore=False,
            hide_parameters=True,  # what users store must not stand in an error
        )
        sqlalchemy.event.listen(self.engine, "connect", _prepare_connection)
        self.clock: Clock = clock
        self._server_clock = ServerClock(clock) if server_time else None
        if self._server_clock is not None:
            self.clock = self._server_clock
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._deliver: Callable[[list[Job]], None] = lambda jobs: None
        self._sequels = Sequels()
        self._records = [CommitRecord() for _ in range(_WRITERS)]
        self._writers = [
            threading.Thread(
                target=self._write_forever, args=(one,), name=f"bide-store-write-{one.uid}", daemon=True
            )
            for one in self._records
        ]
        self._messenger: Messenger | None = None
        self.away_at = float("-inf")
        try:
            with self._transaction(_BEGIN_READING):
                pass
        except DRIVER_ERRORS as error:
            self.engine.dispose()
            raise translate(error, self.shown) from None  # its details have what users store

    def start(self, deliver: Callable[[list[Job]], None], sequels: Sequels) -> None:
        """See :class:`~bide.store.database.Database`."""
        self._deliver = deliver
        self._sequels = sequels
        for writer in self._writers:
            writer.start()

    def put(self, job: Job) -> None:
        """See :class:`~bide.store.database.Database`."""
        self._jobs.put(job)

    def stop(self) -> None:
        """See :class:`~bide.store.database.Database`. While the server is away, what is left fails."""
        for _ in self._writers:
            self._jobs.put(None)
        self._stopping.set()
        for writer in self._writers:
            writer.join()

    def disconnect(self) -> None:
        """See :class:`~bide.store.database.Database`."""
        if self._messenger is not None:
            self._messenger.stop()
        with suppress(*DRIVER_ERRORS), self._transaction(b"BEGIN; SELECT now()") as tx:
            forget(tx.conn, self._records)
            tx.conn.commit()
        self.engine.dispose()

    def hear(self, bell: Bell) -> None:
        """See :class:`~bide.store.database.Database`."""
        if self._messenger is None:
            self._messenger = Messenger(self._connect_messenger, bell, self._note_away)
            self._messenger.start()

    def read(self, work: Work[T]) -> T:
        """See :class:`~bide.store.database.Database`. Repeated while the server is away, for a while."""
        begun = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            try:
                with self._transaction(_BEGIN_READING) as tx:
                    return work(tx)
            except DRIVER_ERRORS as error:
                if is_away(error):
                    self._note_away()
                if not is_away(error) or time.monotonic() - begun + pause > _PATIENCE:
                    raise translate(error, self.shown) from None  # its details have what users store
            self._stopping.wait(pause)
            pause = min(pause * 2, _LAST_PAUSE)

    @contextmanager
    def exclusive(self) -> Generator[sa.Connection]:
        """A connection in a transaction beside which nobody else changes the schema."""
        with self._transaction(b"BEGIN; SELECT now()") as tx:
            tx.conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
            yield tx.conn
            tx.conn.commit()

    def _connect_messenger(self) -> psycopg.Connection[Any]:
        """A connection outside of the pool."""
        arguments, options = self.engine.dialect.create_connect_args(self.engine.url)
        return psycopg.connect(*arguments, **{**_CONNECT, **options})

    def _note_away(self) -> None:
        """The server is out of reach, or was until now. Called on any thread."""
        self.away_at = self.clock.monotonic()

    @contextmanager
    def _transaction(self, begin: bytes) -> Generator[Tx]:
        """A transaction that is undone at the end unless it is committed before."""
        with self.engine.connect() as conn:
            try:
                asked = self.clock.monotonic()
                conn.begin()
                row = send(_driver(conn), begin)
                assert row is not None
                now: datetime = row[0]
                if self._server_clock is not None:
                    self._server_clock.set(now, asked)
                else:
                    now = self.clock.now()
                yield Tx(conn, now, shared=begin is not _BEGIN_READING)
            except DRIVER_ERRORS as error:
                if is_away(error):
                    with suppress(*DRIVER_ERRORS):
                        conn.invalidate()
                raise

    # --- a writer's thread --------------------------------------------------------------------------------------

    def _write_forever(self, record: CommitRecord) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._perform(job, record)
            except BaseException as error:
                job.fail(error)
            self._deliver([job])

    def _perform(self, job: Job, record: CommitRecord) -> None:
        """Run `job` until it is stored, or until it is clear that it can't be; the job has what became of it."""
        pause = _FIRST_PAUSE
        collisions = 0
        sequels: Sequels | None = self._sequels
        while True:
            try:
                self._attempt(job, record, sequels)
                return
            except _SequelFailed as failure:
                _log.warning("what follows from a transaction is left to the next one", exc_info=failure.__cause__)
                sequels = None
                continue
            except DRIVER_ERRORS as error:
                if is_away(error):
                    self._note_away()
                    # It counts from when it was asked for: behind others, nobody waits longer than alone.
                    is_over = time.monotonic() + pause > job.asked_at + _PATIENCE or self._stopping.is_set()
                else:
                    collisions += 1
                    is_over = not is_collision(error) or collisions > _COLLISIONS
                if is_over:
                    job.fail(translate(error, self.shown))
                    return
            self._stopping.wait(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, _LAST_PAUSE)

    def _attempt(self, job: Job, record: CommitRecord, sequels: Sequels | None) -> None:
        """Run `job` once, and what follows from it. Raises the driver's error if nothing of it is stored."""
        is_committing = False
        try:
            with self._transaction(record.begin()) as tx:
                job.result = job.work(tx)
                if sequels is not None:
                    job.sequels = _write_sequels(sequels, tx)
                job.topics = frozenset(tx.topics)
                is_committing = True
                send(_driver(tx.conn), record.commit())
                tx.conn.commit()
        except DRIVER_ERRORS as error:
            if not (is_committing and is_away(error) and self._was_stored(record)):
                job.undo()
                raise

    def _was_stored(self, record: CommitRecord) -> bool:
        """What became of a transaction whose COMMIT was not answered.

        Asks until the server says so: nobody may be told that a thing is stored, or is not, before that is known.
        """
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                with self._transaction(record.look()) as tx:
                    return record.is_stored(tx.conn)
            except DRIVER_ERRORS as error:
                if not (is_away(error) or is_collision(error)):
                    raise
            self._stopping.wait(pause)
            pause = min(pause * 2, _LAST_PAUSE)
        raise StoreError(f"store {self.shown}: the server went away; whether the last change is stored is unknown")


class _SequelFailed(Exception):
    """What follows from a transaction has failed, and the transaction with it."""


def _write_sequels(sequels: Sequels, tx: Tx) -> list[Written]:
    try:
        return sequels.write(tx)
    except Exception as error:
        raise _SequelFailed from error


def _driver(conn: sa.Connection) -> psycopg.Connection[Any]:
    driver = conn.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return cast("psycopg.Connection[Any]", driver)


class _TextDumper(StrDumper):
    """PostgreSQL has no null character in a text; what users write may have one."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\x00", "\N{SYMBOL FOR NULL}"))


def _prepare_connection(connection: psycopg.Connection[Any], _record: object) -> None:
    connection.adapters.register_dumper(str, _TextDumper)
    connection.execute(_SETTINGS)
