"""One engine per SQLite store: a file lock that the kernel takes back when the engine dies."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import msgspec

from bide.model.errors import StoreInUse, StoreUnavailable

#: Attempts at a lock that no engine holds, but somebody who looks at it.
_LOOKS: Final = 1_000
#: Seconds between them: who looks may have lost its processor in the middle.
_PAUSE: Final = 0.002


class Holder(msgspec.Struct, frozen=True):
    """The engine that holds a store, as its lock file says."""

    pid: int
    started_at: datetime
    #: What it is: ``standalone`` or ``run``.
    kind: str
    #: Where it listens for the bell and for live questions.
    socket: str


@dataclass(slots=True)
class EngineLock:
    """The lock of the store at `store_path`, while it is held. A context manager that lets it go."""

    _file: IO[bytes]

    @classmethod
    def take(cls, store_path: Path, holder: Holder) -> EngineLock:
        """Take the lock; raises :class:`StoreInUse`, naming who holds it."""
        path = lock_path(store_path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+b")
        except OSError as error:
            raise StoreUnavailable(f"can't open {path}: {error.strerror}") from error
        if not _lock(file, store_path):
            file.close()
            raise StoreInUse(_message(store_path, find_holder(store_path)))
        try:
            file.truncate(0)
            file.write(msgspec.json.encode(holder))
            file.flush()
        except OSError as error:
            with suppress(OSError):  # what is still to be written can't be written here either
                file.close()
            raise StoreUnavailable(f"can't write {path}: {error.strerror}") from error
        return cls(file)

    def release(self) -> None:
        """Let the lock go. The file stays, since another engine may be about to lock it."""
        if not self._file.closed:
            self._file.truncate(0)
            self._file.close()

    def __enter__(self) -> EngineLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _lock(file: IO[bytes], store_path: Path) -> bool:
    """Lock `file`; False if an engine has it. Someone who only looks who has it may be in the way for a moment."""
    for _ in range(_LOOKS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if find_holder(store_path) is not None:
                return False
            time.sleep(_PAUSE)
        else:
            return True
    return False


def lock_path(store_path: Path) -> Path:
    """The lock file of a store."""
    return store_path.with_name(store_path.name + ".lock")


def find_holder(store_path: Path) -> Holder | None:
    """The engine that holds the store now, or None if none does."""
    try:
        file = lock_path(store_path).open("rb")
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(file)
        return None


def _read(file: IO[bytes]) -> Holder:
    try:
        return msgspec.json.decode(file.read(), type=Holder)
    except msgspec.DecodeError:
        # It took the lock this moment and has not written its name yet.
        return Holder(pid=0, started_at=datetime.fromtimestamp(0).astimezone(), kind="", socket="")


def _message(store_path: Path, holder: Holder | None) -> str:
    who = "another engine"
    if holder is not None and holder.pid:
        who = f"another engine (`bide {holder.kind}`, process {holder.pid}, since {holder.started_at:%H:%M:%S})"
    return (
        f"store {store_path} is in use by {who}: stop that one first, or give this one a store of its own "
        "(BIDE_HOME=FOLDER)"
    )


def this_process(kind: str, socket: Path, now: datetime) -> Holder:
    """What this process writes into the lock file."""
    return Holder(pid=os.getpid(), started_at=now, kind=kind, socket=str(socket))
