"""One engine per store: the lock, with real processes that hold it and die."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bide.engine.lock import EngineLock, Holder, find_holder, lock_path, this_process
from bide.model.errors import StoreInUse, StoreUnavailable
from tests.support.privileges import unprivileged

HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bide.engine.lock import EngineLock, this_process

lock = EngineLock.take(Path(sys.argv[1]), this_process("standalone", Path("/run/engine.sock"), datetime.now(UTC)))
print("held", flush=True)
sys.stdin.read()
lock.release()
"""


@contextmanager
def another_engine(store: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until its input ends, or it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.kill()


def me() -> Holder:
    return this_process("run", Path("/run/mine.sock"), datetime(2026, 3, 2, 12, tzinfo=UTC))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "bide.db"


def test_a_second_engine_is_refused_and_told_who_holds_the_store(store: Path) -> None:
    with another_engine(store) as process:
        with pytest.raises(StoreInUse) as caught:
            EngineLock.take(store, me())
        said = str(caught.value)
        assert f"`bide standalone`, process {process.pid}, since " in said
        assert str(store) in said
        assert "BIDE_HOME=FOLDER" in said


def test_everyone_can_see_who_holds_a_store(store: Path) -> None:
    assert find_holder(store) is None
    with another_engine(store) as process:
        holder = find_holder(store)
        assert holder is not None
        assert (holder.pid, holder.kind, holder.socket) == (process.pid, "standalone", "/run/engine.sock")


def test_the_lock_of_a_killed_engine_is_free(store: Path) -> None:
    with another_engine(store) as process:
        process.kill()
        process.wait()
        assert lock_path(store).read_text() != "", "its name is still there"
        assert find_holder(store) is None
        with EngineLock.take(store, me()):
            assert find_holder(store) == me()


def test_a_lock_that_was_let_go_is_free(store: Path) -> None:
    lock = EngineLock.take(store, me())
    lock.release()
    lock.release()
    assert find_holder(store) is None
    with EngineLock.take(store, me()):
        pass
    assert find_holder(store) is None


def test_a_lock_file_full_of_something_else(store: Path) -> None:
    lock_path(store).write_text("not json" * 1_000)
    with EngineLock.take(store, me()):
        assert find_holder(store) == me()


def test_a_holder_that_has_not_written_its_name_yet(store: Path) -> None:
    with lock_path(store).open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        holder = find_holder(store)
        assert holder is not None
        assert holder.pid == 0
        with pytest.raises(StoreInUse, match="in use by another engine: stop that one first"):
            EngineLock.take(store, me())


def test_those_who_only_look_are_not_in_the_way(store: Path) -> None:
    """`bide runs list` beside the start of an engine must not make it fail."""
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            find_holder(store)

    EngineLock.take(store, me()).release()
    lookers = [threading.Thread(target=look) for _ in range(3)]
    for one in lookers:
        one.start()
    try:
        for _ in range(200):
            EngineLock.take(store, me()).release()
    finally:
        stop.set()
        for one in lookers:
            one.join()


def test_a_process_that_the_engine_starts_does_not_inherit_the_lock(store: Path) -> None:
    with EngineLock.take(store, me()):
        child = subprocess.Popen(["sleep", "60"])
    try:
        assert find_holder(store) is None
    finally:
        child.kill()
        child.wait()


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreUnavailable, match="can't open") as caught:
        EngineLock.take(tmp_path / "home" / "bide.db", me())
    assert str(tmp_path) in str(caught.value)


def test_a_lock_file_that_may_not_be_opened(store: Path) -> None:
    lock_path(store).write_text("")
    lock_path(store).chmod(0)
    with unprivileged(), pytest.raises(StoreUnavailable, match="Permission denied"):
        EngineLock.take(store, me())
