"""The template process: imports what runners need once, and forks all of them.

``python -m bide.runner.template --fd N [--preload a,b]``, with N an inherited end of a stream socket pair whose
other end is the engine's. It has one thread, never imports a DAG file, and holds nothing but the list of its
children. When the engine goes, so does it, and everything that its children have started.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import random
import select
import signal
import socket
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from types import FrameType
from typing import Final, NoReturn

from bide.authoring.inputs import no_dag_file_so_far
from bide.authoring.plugins import installed_plugins
from bide.model.value_classes import use_policy
from bide.model.value_objects import use_objects
from bide.observe import leftovers, processes
from bide.runner import dag_parser, extension_runner, secrets_runner, task_runner, trigger_runner
from bide.runner.settings import project_values, xcom_storage
from bide.wire.frames import ChannelClosed, FrameReader, encode_frame
from bide.wire.messages import Exited, Fork, Forked

#: What a role runs in the child: gets its socket and label, returns the exit status.
RoleMain = Callable[[socket.socket, str], int]

ROLES: Final[Mapping[str, RoleMain]] = {
    "task": task_runner.main,
    "trigger": trigger_runner.main,
    "parse": dag_parser.main,
    "secrets": secrets_runner.main,
    "extension": extension_runner.main,
}

#: What most DAG files and contexts need; imported before the first fork, so that no runner has to. Not httpx, which
#: costs as much as all the rest: DAG files that need it import it.
_USUAL: Final = (
    "pendulum",
    "jinja2",
    "jinja2.ext",
    "bide.authoring.macros",
    "bide.authoring.taskflow",
    "bide.standard.operators.bash",
    "bide.standard.operators.empty",
    "bide.standard.sensors.file",
    "bide.standard.sensors.time",
    "bide.standard.triggers.file",
    "bide.standard.triggers.temporal",
)
#: What DAG files written for Airflow begin with, where its names are installed.
_AIRFLOW: Final = (
    "airflow.sdk",
    "airflow.models",
    "airflow.decorators",
    "airflow.operators.bash",
    "airflow.operators.empty",
    "airflow.operators.python",
    "airflow.providers.standard.operators.bash",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.python",
)
#: Exit status of a runner that could not be forked, or whose main raised.
CRASHED: Final = 70
#: Signals that the template handles in its own way, and its children don't.
_RESET: Final = (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP)
_CHUNK: Final = 64 * 1024
_MAX_FDS: Final = 64


class Template:
    """The loop of the template process."""

    def __init__(self, sock: socket.socket, store: str | None, roles: Mapping[str, RoleMain] = ROLES) -> None:
        """`store` is the id that marks the processes of this engine, None if there are no marks."""
        self._sock = sock
        self._store = store
        self._roles = roles
        self._reader = FrameReader()
        self._fds: deque[int] = deque()
        self._labels: dict[int, str] = {}
        self._child_ended, self._wakeup = os.pipe()
        os.set_blocking(self._child_ended, False)
        os.set_blocking(self._wakeup, False)

    def serve(self) -> Callable[[], int] | None:
        """Fork runners until the engine is gone: None in the template, the runner's main in each child."""
        self._watch_children()
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(self._child_ended, select.POLLIN)
        try:
            while True:
                ready = {fd for fd, _ in poll.poll()}
                if self._child_ended in ready:
                    os.read(self._child_ended, _CHUNK)
                    self._reap()
                if self._sock.fileno() in ready:
                    child = self._answer()
                    if child is not None:
                        return child
        except ChannelClosed:
            self._kill_everything()
            return None

    def _watch_children(self) -> None:
        # A handler has to be there for the wake-up descriptor to be written to.
        signal.signal(signal.SIGCHLD, _do_nothing)
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)

    def _answer(self) -> Callable[[], int] | None:
        """Read what has come and fork what it asks for; in a child, the runner's main."""
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, _CHUNK, _MAX_FDS, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except ConnectionError as error:
            raise ChannelClosed("the engine is gone") from error
        if not data:
            raise ChannelClosed("the engine is gone")
        self._fds.extend(fds)
        self._reader.feed(data)
        for frame, _ in self._reader.frames():
            if not isinstance(frame.body, Fork):
                raise SystemExit(f"the template process was sent a {type(frame.body).__name__}")
            child = self._fork(frame.body)
            if child is not None:
                return child
        return None

    def _fork(self, order: Fork) -> Callable[[], int] | None:
        if not self._fds:
            print(f"the order to fork {order.label} came without a socket", file=sys.stderr, flush=True)
            self._tell(Exited(label=order.label, pid=0, status=CRASHED))
            return None
        fd = self._fds.popleft()
        _warn_of_threads()
        sys.stdout.flush()
        parent = os.getpid()
        # Blocked signals wait; between the fork and its own dispositions the child would ignore them for good.
        signal.pthread_sigmask(signal.SIG_BLOCK, _RESET)
        try:
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _RESET)
            os.close(fd)
            print(f"can't fork runner {order.label}: {error}", file=sys.stderr, flush=True)
            self._tell(Exited(label=order.label, pid=0, status=CRASHED))
            return None
        if pid == 0:
            return self._become_runner(order, fd, parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _RESET)
        os.close(fd)
        self._labels[pid] = order.label
        self._tell(Forked(label=order.label, pid=pid))
        return None

    def _become_runner(self, order: Fork, fd: int, parent: int) -> Callable[[], int]:
        """In the child: let go of all that is the template's."""
        processes.die_with_parent(parent)
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _RESET)
        # A terminal's Ctrl-C is for the engine, which then ends its runners as it sees fit. A handler, since what
        # is ignored stays so in programs that tasks start, and those may well be stopped by SIGINT.
        signal.signal(signal.SIGINT, _do_nothing)
        processes.adopt_orphans()
        self._sock.close()
        for inherited in (self._child_ended, self._wakeup, *self._fds):
            os.close(inherited)
        os.environ[leftovers.RUNNER_VARIABLE] = order.label
        _reseed()
        gc.enable()
        sock = socket.socket(fileno=fd)
        main = self._roles[order.role]
        return lambda: main(sock, order.label)

    def _reap(self) -> None:
        """Report each child that has ended, after all that it had started is dead too."""
        while (ended := _ended_child()) is not None:
            label = self._labels.pop(ended, None)
            if label is not None:
                # Not reaped yet, so that the number of its process group can't have been given away.
                leftovers.kill_group(ended)
            status = os.waitstatus_to_exitcode(os.waitpid(ended, 0)[1])
            if label is None:
                continue
            self._kill_leftovers(label)
            self._tell(Exited(label=label, pid=ended, status=status))

    def _kill_leftovers(self, label: str | None) -> None:
        leftovers.kill_orphans(self._labels.__contains__)
        if self._store is not None:
            leftovers.kill_marked(self._store, label)

    def _kill_everything(self) -> None:
        for pid in self._labels:
            leftovers.kill_group(pid)
            os.kill(pid, signal.SIGKILL)
        while self._labels:
            pid, _ = os.wait()
            self._labels.pop(pid, None)
        self._kill_leftovers(None)

    def _tell(self, body: Forked | Exited) -> None:
        try:
            self._sock.sendall(encode_frame(body))
        except ConnectionError as error:
            raise ChannelClosed("the engine is gone") from error


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Handle a signal by being woken."""


def _ended_child() -> int | None:
    """A child that has ended and is not reaped."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return ended.si_pid if ended is not None else None


def _warn_of_threads() -> None:
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        print(
            f"the template process has threads ({', '.join(others)}), so that runners forked from it may hang: "
            "take the module that starts them out of the setting `preload`",
            file=sys.stderr,
            flush=True,
        )


def _reseed() -> None:
    """Make runners draw different random numbers; ``random`` does so by itself."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(random.SystemRandom().getrandbits(32))


def preload(modules: Sequence[str]) -> None:
    """Import `modules`, so that runners need not; one that fails is reported and left to the DAG files."""
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:
            print(f"can't preload {name}:\n{traceback.format_exc()}", file=sys.stderr, flush=True)


def _has_airflows_names() -> bool:
    """Whether the package ``airflow`` is Bide's; another one is not to be imported here."""
    try:
        distribution("bide-airflow")
    except PackageNotFoundError:
        return False
    return True


def run_child(main: Callable[[], int]) -> NoReturn:
    """Run a runner's main to its end and leave without what the template would do at its exit."""
    status = CRASHED
    try:
        status = main()
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the template process; returns its exit status, and only in the template."""
    parser = argparse.ArgumentParser(prog="python -m bide.runner.template", allow_abbrev=False)
    parser.add_argument("--fd", type=int, required=True, help="inherited end of a stream socket pair")
    parser.add_argument("--preload", default="", help="modules to import, separated by commas")
    arguments = parser.parse_args(argv)
    sock = socket.socket(fileno=arguments.fd)
    sock.set_inheritable(False)
    if not sys.flags.safe_path:
        # `python -m` puts the current folder first; its files must not pass for modules of runners.
        del sys.path[0]
    _stand_apart()
    preload(
        [
            *_USUAL,
            *(_AIRFLOW if _has_airflows_names() else ()),
            *(name for name in arguments.preload.split(",") if name),
        ]
    )
    installed_plugins()
    use_policy(project_values())
    storage = xcom_storage()
    use_objects(None if storage is None else storage.fetch)
    no_dag_file_so_far()
    # Collecting would touch, and so copy, the pages that all runners share.
    gc.collect()
    gc.freeze()
    gc.disable()
    child = Template(sock, os.environ.get(leftovers.STORE_VARIABLE)).serve()
    if child is not None:
        run_child(child)
    return 0


def _stand_apart() -> None:
    """Leave the terminal and its signals to the engine, whose end of the channel is what counts here."""
    if os.getpid() != os.getpgid(0):
        os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    processes.adopt_orphans()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main())
