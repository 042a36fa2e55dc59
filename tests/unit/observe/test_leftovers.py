from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid

import pytest

from bide.observe import processes
from bide.observe.leftovers import (
    RUNNER_VARIABLE,
    STORE_VARIABLE,
    find_marked,
    kill_group,
    kill_marked,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def start(
    store: str, label: str, script: str = "echo ready; sleep 600", **options: bool
) -> subprocess.Popen[bytes]:
    environment = {**os.environ, STORE_VARIABLE: store, RUNNER_VARIABLE: label}
    process = subprocess.Popen(["bash", "-c", script], env=environment, stdout=subprocess.PIPE, **options)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def finish(*processes: subprocess.Popen[bytes]) -> None:
    for process in processes:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def store() -> str:
    return f"test-{uuid.uuid4()}"


def test_marked_processes_are_found_by_store_and_by_runner(store: str) -> None:
    one, two, other = start(store, "w1"), start(store, "w2"), start(store + "-other", "w1")
    try:
        assert {one.pid, two.pid} <= set(find_marked(store))
        assert other.pid not in find_marked(store)
        assert one.pid in find_marked(store, "w1")
        assert two.pid not in find_marked(store, "w1")
    finally:
        finish(one, two, other)


def test_nothing_of_a_runner_survives_however_well_it_hides(store: str) -> None:
    # A daemon of its own session, whose parent is gone.
    hidden = start(
        store, "w1", "(setsid sleep 601 & setsid sleep 602 &) ; echo ready; sleep 600", start_new_session=True
    )
    bystander = start(store, "w2")
    try:
        assert len(find_marked(store, "w1")) == 3 + 0
        killed = kill_marked(store, "w1")
        assert hidden.pid in killed
        assert hidden.wait() == -signal.SIGKILL
        assert find_marked(store, "w1") == []
        assert bystander.poll() is None
    finally:
        finish(hidden, bystander)


def test_this_process_and_its_ancestors_are_spared(store: str) -> None:
    script = (
        "import os, sys; from bide.observe.leftovers import find_marked, kill_marked;"
        f"assert os.getpid() not in find_marked({store!r}) and os.getppid() not in find_marked({store!r});"
        f"kill_marked({store!r}); print('alive')"
    )
    environment = {**os.environ, STORE_VARIABLE: store}
    # The shell is marked too, and is the parent: "true" keeps it from giving way to python.
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1"; true', sys.executable, script],
        env=environment,
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"alive\n", done.stderr.decode()


def test_a_group_that_is_gone_is_no_error() -> None:
    process = subprocess.Popen(["true"], start_new_session=True)
    process.wait()
    kill_group(process.pid)


def test_orphans_are_adopted_and_killed_with_their_own_children() -> None:
    script = """
import os, signal, subprocess, sys
from bide.observe import processes
from bide.observe.leftovers import kill_orphans
processes.adopt_orphans()
known = subprocess.Popen(["sleep", "600"])
# The shell starts a tree and is gone; its children are ours then.
tree = "setsid bash -c 'setsid sleep 603 & setsid sleep 604 & echo up; wait' &"
shell = subprocess.Popen(["bash", "-c", tree], stdout=subprocess.PIPE)
assert shell.stdout.readline() == b"up\\n"
shell.wait()
killed = kill_orphans(lambda pid: pid == known.pid)
assert len(killed) == 3 and known.pid not in killed, killed
assert processes.children() == [known.pid], processes.children()
assert known.poll() is None
known.kill(); known.wait()
print("ok", *killed)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.stdout.startswith(b"ok"), done.stderr.decode()
    for pid in done.stdout.split()[1:]:
        assert int(pid) not in processes.all_processes()


def test_a_process_dies_with_its_parent() -> None:
    script = """
import os, time
from bide.observe import processes
parent = os.getpid()
pid = os.fork()
if pid == 0:
    processes.die_with_parent(parent)
    os.write(1, str(os.getpid()).encode() + b"\\n")
    time.sleep(600)
os.waitpid(pid, 0)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    handle = os.pidfd_open(child)
    parent.kill()
    parent.wait()
    assert parent.stdout.read() == b"", "the pipe closes when the child is dead too"
    parent.stdout.close()
    os.close(handle)


def test_children_are_told_without_the_kernels_list(monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen(["sleep", "600"])
    try:
        assert process.pid in processes.children()
        own = os.getpid()
        assert process.pid in [pid for pid in processes.all_processes() if processes.parent(pid) == own]
    finally:
        process.kill()
        process.wait()


def test_memory_is_told_in_bytes() -> None:
    assert 1_000_000 < processes.resident_bytes() < 10_000_000_000
