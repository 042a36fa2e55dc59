"""The store: one database, its writer, its readers, its bell.

Functions of this package take a :class:`Tx`; commands of :mod:`bide.control` compose them into one transaction:

    await store.write(lambda tx: transitions.apply(tx, "succeed", guards, by="worker"))

On SQLite a single thread owns the writing connection. It takes every transaction that is waiting, runs each in a
savepoint of its own and commits them together, so that one fsync serves many; whoever waits is told after the
commit. Reads run in a few threads beside it (WAL).
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
import sqlalchemy.event
import sqlalchemy.exc

from bide.model.clock import Clock
from bide.model.errors import BideError, StoreDamaged, StoreError, StoreUnavailable
from bide.store.bell import Bell, Topic
from bide.store.failures import translate
from bide.store.sealing import Keyring, use_keys

T = TypeVar("T")
Item = TypeVar("Item")

#: Transactions that one commit may carry.
_GROUP: Final = 128
#: Milliseconds that a statement waits for another process's lock.
_BUSY_MS: Final = 5_000
_READERS: Final = 2
#: Execution option of a connection whose transactions take the write lock when they begin.
_WRITES: Final = "bide_writes"


@dataclass(slots=True)
class Tx:
    """A running transaction."""

    conn: sa.Connection
    #: The store's clock, read once per transaction.
    now: datetime
    topics: set[Topic] = field(default_factory=set[Topic])

    def ring(self, *topics: Topic) -> None:
        """Ring these topics once the transaction is durable."""
        self.topics.update(topics)

    def hush(self, topic: Topic) -> None:
        """What was rung so far about `topic` is dealt with in this transaction."""
        self.topics.discard(topic)


Work = Callable[[Tx], T]
#: Does the same for many items; the answer has one result, or the exception to raise, for each.
WorkOnMany = Callable[[Tx, Sequence[Item]], Sequence[T | Exception]]


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    topics: frozenset[Topic] = frozenset()


@dataclass(slots=True)
class _Collected:
    """Items that wait for one piece of work, until the writer takes them."""

    items: list[Any] = field(default_factory=list[Any])
    futures: list[asyncio.Future[Any]] = field(default_factory=list[asyncio.Future[Any]])

    def answer(self, results: Sequence[Any]) -> None:
        """Give each who asked the result, or raise the exception, of their item."""
        for future, result in zip(self.futures, results, strict=True):
            if future.done():
                continue  # cancelled by whoever asked; the work is durable all the same
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)


class Store:
    """An open store. Made by :meth:`open`; the schema is a matter of :mod:`bide.store.migrate`."""

    def __init__(self, engine: sa.Engine, clock: Clock, keys: Keyring) -> None:
        self.engine = engine
        self.keys = keys
        use_keys(engine, keys)
        self.clock = clock
        self.bell = Bell()
        self._url = engine.url.render_as_string(hide_password=True)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="bide-store-read")
        self._writer = threading.Thread(target=self._write_forever, name="bide-store-write", daemon=True)
        self._writer.start()
        self._closed = False
        self._collecting: dict[WorkOnMany[Any, Any], _Collected] = {}
        self._collecting_lock = threading.Lock()
        self._retrying: set[asyncio.Future[None]] = set()

    @classmethod
    def open(cls, url: str, clock: Clock, keys: Keyring | None = None) -> Store:
        """Connect to `url` (``sqlite:////path/to/bide.db``). Raises an error of the StoreError family.

        Without `keys`, values that have to be encrypted can be neither written nor read.
        """
        try:
            parsed = sa.make_url(url)
        except sqlalchemy.exc.ArgumentError as error:
            raise StoreError(f"store {url!r}: no URL of a database, such as sqlite:////path/bide.db") from error
        if parsed.get_backend_name() != "sqlite":
            shown = parsed.render_as_string(hide_password=True)
            raise StoreError(f"store {shown}: only sqlite:///... is supported so far")
        if parsed.database:
            _make_folder(Path(parsed.database).parent, url)
        connecting = {"check_same_thread": False, "timeout": _BUSY_MS / 1000}
        # What users store must not stand in an error.
        engine = sa.create_engine(parsed, connect_args=connecting, hide_parameters=True)
        sqlalchemy.event.listen(engine, "connect", _prepare_connection)
        sqlalchemy.event.listen(engine, "begin", _begin)
        try:
            with engine.connect() as conn:
                conn.execute(sa.text("SELECT count(*) FROM sqlite_master")).scalar_one()
        except sqlalchemy.exc.DBAPIError as error:
            engine.dispose()
            raise translate(error, url) from error
        return cls(engine, clock, keys or Keyring.of())

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction; it is durable on return.

        What `work` raises undoes its own transaction and is raised here. A store that is locked or full raises
        :class:`~bide.model.errors.StoreUnavailable`; nothing of `work` is stored then.
        """
        return await self._ask(work)

    def _ask(self, work: Work[T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        if self._closed:
            raise StoreError(f"store {self._url} is closed")
        self._jobs.put(job)
        return job.future

    async def write_together(self, work: WorkOnMany[Item, T], item: Item) -> T:
        """As :meth:`write`, for `item` together with whatever else asks for the same `work` before it begins.

        Under load many items then cost what one does. An exception in the answer of `work` is raised to the one
        who asked for that item; one that `work` raises undoes all of them, and each is then tried by itself.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._collecting_lock:
            collected = self._collecting.get(work)
            if collected is None:
                collected = self._collecting[work] = _Collected()
            collected.items.append(item)
            collected.futures.append(future)
            is_first = len(collected.items) == 1
        if is_first:
            self._write_collected(work, collected)
        return await future

    def _write_collected(self, work: WorkOnMany[Any, Any], collected: _Collected) -> None:
        """Ask for `work` on all that will have been collected; nobody's patience but the writer's matters."""

        def stop_collecting() -> None:
            with self._collecting_lock:
                if self._collecting.get(work) is collected:
                    del self._collecting[work]

        def take(tx: Tx) -> Sequence[Any]:
            stop_collecting()
            return work(tx, collected.items)

        def answer(written: asyncio.Future[Sequence[Any]]) -> None:
            stop_collecting()
            error = written.exception()
            if error is None:
                collected.answer(written.result())
            elif len(collected.items) == 1 or isinstance(error, StoreUnavailable | StoreDamaged):
                # A store that is out of reach fails all of them.
                collected.answer([error] * len(collected.items))
            else:
                retrying = asyncio.ensure_future(self._write_one_by_one(work, collected))
                self._retrying.add(retrying)
                retrying.add_done_callback(self._retrying.discard)

        try:
            self._ask(take).add_done_callback(answer)
        except StoreError as error:
            stop_collecting()
            collected.answer([error] * len(collected.items))

    async def _write_one_by_one(self, work: WorkOnMany[Any, Any], collected: _Collected) -> None:
        """After a failure of all: which item was it?"""
        results: list[Any] = []
        for item in collected.items:
            try:
                results += await self._ask(lambda tx, item=item: work(tx, [item]))
            except Exception as error:
                results.append(error)
        collected.answer(results)

    async def read(self, work: Work[T]) -> T:
        """Run `work` on one snapshot, in a reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_here, work)

    def read_here(self, work: Work[T]) -> T:
        """Run `work` on one snapshot in the calling thread (for commands without an event loop)."""
        try:
            with self.engine.connect() as conn:
                return work(Tx(conn, self.clock.now()))
        except sqlalchemy.exc.DBAPIError as error:
            raise translate(error, self._url) from error

    async def close(self) -> None:
        """Finish what was asked before, then disconnect."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._disconnect)

    def _disconnect(self) -> None:
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()

    # --- the writer's thread ------------------------------------------------------------------------------------

    def _write_forever(self) -> None:
        stop = False
        while not stop:
            job = self._jobs.get()
            if job is None:
                break
            group = [job]
            while len(group) < _GROUP:
                try:
                    further = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if further is None:
                    stop = True
                    break
                group.append(further)
            self._commit_group(group)
            self._deliver(group)

    def _commit_group(self, group: list[_Job]) -> None:
        """Run every job of `group` and commit them all, or leave an error in each."""
        try:
            with writing(self.engine) as conn:
                if len(group) == 1:
                    self._run_alone(conn, group[0])
                else:
                    for job in group:
                        self._run_beside(conn, job)
        except sqlalchemy.exc.DBAPIError as error:
            for job in group:
                job.error, job.topics = self._translate(error), frozenset()
        except BaseException as error:
            for job in group:
                job.error, job.topics = error, frozenset()

    def _run_alone(self, conn: sa.Connection, job: _Job) -> None:
        """Run the only job of a commit: what it raises undoes the transaction itself."""
        tx = Tx(conn, self.clock.now())
        job.result = job.work(tx)
        job.topics = frozenset(tx.topics)

    def _run_beside(self, conn: sa.Connection, job: _Job) -> None:
        """Run one of several in a savepoint; its own error stays with it.

        Raises what has cost the whole group its transaction.
        """
        tx = Tx(conn, self.clock.now())
        savepoint = conn.begin_nested()
        try:
            job.result = job.work(tx)
        except Exception as error:
            job.error = self._translate(error) if isinstance(error, sqlalchemy.exc.DBAPIError) else error
            # SQLite itself ends the transaction when it can't write: then there is no savepoint to go back to.
            if isinstance(job.error, StoreUnavailable | StoreDamaged) or not _in_transaction(conn):
                raise
            savepoint.rollback()
        else:
            savepoint.commit()
            job.topics = frozenset(tx.topics)

    def _translate(self, error: sqlalchemy.exc.DBAPIError) -> BideError:
        translated = translate(error, self._url)
        translated.__cause__ = error
        return translated

    def _deliver(self, group: list[_Job]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        for job in group:
            by_loop.setdefault(job.loop, []).append(job)
        for loop, jobs in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._finish, jobs)
            except RuntimeError:
                # The loop is closed: whoever asked is gone, and the work is durable all the same.
                continue

    def _finish(self, jobs: list[_Job]) -> None:
        topics: set[Topic] = set()
        for job in jobs:
            topics |= job.topics
            if job.future.done():
                continue  # cancelled by whoever asked; the work is durable all the same
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)
        if topics:
            self.bell.ring(*topics)


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -16384")


def _begin(conn: sa.Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get(_WRITES) else "BEGIN")


@contextmanager
def writing(engine: sa.Engine) -> Generator[sa.Connection]:
    """A connection in a transaction that has the write lock from its first moment on."""
    with engine.connect().execution_options(**{_WRITES: True}) as conn, conn.begin():
        yield conn


def _in_transaction(conn: sa.Connection) -> bool:
    return isinstance(conn.connection.driver_connection, sqlite3.Connection) and (
        conn.connection.driver_connection.in_transaction
    )


def _make_folder(folder: Path, url: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"store {url}: can't make the folder {folder}: {error.strerror}") from error
