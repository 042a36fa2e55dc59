"""The store: one database, its writers, its readers, its bell.

Functions of this package take a :class:`Tx`; commands of :mod:`bide.control` compose them into one transaction:

    await store.write(lambda tx: transitions.apply(tx, "succeed", guards, by="worker"))

What is particular to a database is behind :class:`Database`: :mod:`bide.store.sqlite` has one writer and commits in
groups, :mod:`bide.store.postgresql` has several and shares the database with other engines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Final, Protocol

import sqlalchemy as sa
import sqlalchemy.exc

from bide.model.clock import Clock
from bide.model.errors import StoreError
from bide.store.bell import Bell, Topic
from bide.store.collecting import Collector
from bide.store.sealing import Keyring, use_keys
from bide.store.sequels import Sequel, Sequels
from bide.store.transaction import Item, Job, T, Tx, Work, WorkOnMany

__all__ = ["Database", "Store", "Tx", "Work", "WorkOnMany"]

_READERS: Final = 2
#: Where each kind of database is made, so that none imports another's driver.
_KINDS: Final = {
    "sqlite": ("bide.store.sqlite", "SqliteDatabase"),
    "postgresql": ("bide.store.postgresql", "PostgresDatabase"),
}


class Database(Protocol):
    """What the store needs of one kind of database. Its methods may block."""

    engine: sa.Engine
    #: The store's clock.
    clock: Clock
    #: The URL without its password.
    shown: str
    #: Monotonic second at which it was last found out of reach.
    away_at: float

    @property
    def is_shared(self) -> bool:
        """Whether several engines may use it at once."""
        ...

    def start(self, deliver: Callable[[list[Job]], None], sequels: Sequels) -> None:
        """Begin to work, with what follows; `deliver` is called with jobs that are over, from any thread."""
        ...

    def put(self, job: Job) -> None:
        """Run `job` in a transaction, soon. Returns at once."""
        ...

    def stop(self) -> None:
        """Finish what was put before; nothing is put afterwards."""
        ...

    def disconnect(self) -> None:
        """Close all connections."""
        ...

    def hear(self, bell: Bell) -> None:
        """Hand rings of other processes to `bell`, on the running event loop, and its own to them."""
        ...

    def read(self, work: Work[T]) -> T:
        """Run `work` on one snapshot, in the calling thread."""
        ...

    def exclusive(self) -> AbstractContextManager[sa.Connection]:
        """A connection in a transaction beside which nobody else changes the schema."""
        ...


class Store:
    """An open store. Made by :meth:`open`; the schema is a matter of :mod:`bide.store.migrate`."""

    def __init__(self, database: Database, keys: Keyring) -> None:
        self.database = database
        self.keys = keys
        use_keys(database.engine, keys)
        self.bell = Bell()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="bide-store-read")
        self._collector = Collector(self._ask)
        self._closed = False
        self._sequels = Sequels()
        database.start(self._deliver, self._sequels)

    @classmethod
    def open(cls, url: str, clock: Clock, keys: Keyring | None = None, *, server_time: bool = True) -> Store:
        """Connect to `url`: ``sqlite:////path/to/bide.db`` or ``postgresql://user@host/name``.

        Without `keys`, values that have to be encrypted can be neither written nor read. A server's clock counts
        instead of `clock`, unless `server_time` is false. Raises an error of the StoreError family.
        """
        try:
            parsed = sa.make_url(url)
        except sqlalchemy.exc.ArgumentError as error:
            raise StoreError(f"store {url!r}: no URL of a database, such as sqlite:////path/bide.db") from error
        kind = parsed.get_backend_name()
        if kind not in _KINDS:
            shown = parsed.render_as_string(hide_password=True)
            raise StoreError(f"store {shown}: only sqlite:///... and postgresql://... are supported")
        module, name = _KINDS[kind]
        try:
            make = getattr(import_module(module), name)
        except ImportError as error:
            raise StoreError(
                f"store {parsed.render_as_string(hide_password=True)}: its driver can't be used ({error}): "
                "install bide with its extra, as in `pip install 'bide[postgres]'`"
            ) from error
        return cls(make(parsed, clock, server_time=server_time), keys or Keyring.of())

    @property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine."""
        return self.database.engine

    @property
    def clock(self) -> Clock:
        """The clock by which leases and due times count."""
        return self.database.clock

    @property
    def shown(self) -> str:
        """The URL as people may see it."""
        return self.database.shown

    @property
    def away_at(self) -> float:
        """The monotonic second at which it was last found out of reach; minus infinity if it never was."""
        return self.database.away_at

    @property
    def is_shared(self) -> bool:
        """Whether several engines may serve it at once."""
        return self.database.is_shared

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction; it is durable on return.

        What `work` raises undoes its own transaction and is raised here. A store that is locked, full or out of
        reach raises :class:`~bide.model.errors.StoreUnavailable`; nothing of `work` is stored then.
        """
        return await self._ask(work)

    def _ask(self, work: Work[T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        job = Job(work, loop, loop.create_future())
        if self._closed:
            raise StoreError(f"store {self.shown} is closed")
        self.database.put(job)
        return job.future

    async def write_together(self, work: WorkOnMany[Item, T], item: Item) -> T:
        """As :meth:`write`, for `item` together with whatever else asks for the same `work` before it begins.

        Under load many items then cost what one does. An exception in the answer of `work` is raised to the one
        who asked for that item; one that `work` raises undoes all of them, and each is then tried by itself.
        """
        return await self._collector.write(work, item)

    async def read(self, work: Work[T]) -> T:
        """Run `work` on one snapshot, in a reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_here, work)

    def read_here(self, work: Work[T]) -> T:
        """Run `work` on one snapshot in the calling thread (for commands without an event loop)."""
        return self.database.read(work)

    def follow(self, sequel: Sequel) -> Callable[[], None]:
        """From now on do `sequel` in every transaction that rings its topic; returns the way to stop that."""
        return self._sequels.add(sequel)

    def hear(self) -> None:
        """From now on the bell rings for what other processes do on a store that several share."""
        self.database.hear(self.bell)

    def exclusive(self) -> AbstractContextManager[sa.Connection]:
        """A connection in a transaction beside which nobody else changes the schema. Blocks."""
        return self.database.exclusive()

    async def close(self) -> None:
        """Finish what was asked before, then disconnect."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._disconnect)

    def _disconnect(self) -> None:
        self.database.stop()
        self._readers.shutdown()
        self.database.disconnect()

    # --- answers ------------------------------------------------------------------------------------------------

    def _deliver(self, group: list[Job]) -> None:
        """Tell those who asked; called on a writer's thread."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
        for job in group:
            for written in job.sequels:
                written.tell_stored()
            by_loop.setdefault(job.loop, []).append(job)
        for loop, jobs in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._finish, jobs)
            except RuntimeError:
                # The loop is closed: whoever asked is gone, and the work is durable all the same.
                continue

    def _finish(self, jobs: list[Job]) -> None:
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
