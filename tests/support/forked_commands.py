"""Commands that are run to their end, each forked from a process that has imported them already."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_PROGRAM: Final = Path(__file__).with_name("command_template.py")
#: How the names of variables begin that commands read when they run, and the one that pytest sets for each test.
#: Any other may matter to what is imported before.
_READ_LATE: Final = ("BIDE", "AIRFLOW", "COLUMNS", "PYTEST_CURRENT_TEST")
_CHUNK: Final = 64 * 1024


class ForkedCommands:
    """The template process, and the commands that it forks. Threads may use it at the same time."""

    def __init__(self, bide: str, environment: Mapping[str, str]) -> None:
        """`bide` is the command's file; `environment` is what the template process gets."""
        self._environment = _fixed(environment)
        self._sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._template = subprocess.Popen(
                [sys.executable, str(_PROGRAM), str(theirs.fileno()), bide],
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def serves(self, environment: Mapping[str, str]) -> bool:
        """Whether a command with this environment may come from the template."""
        return _fixed(environment) == self._environment

    def run(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as :func:`subprocess.run` does, with its output as text."""
        order = {"arguments": list(arguments), "cwd": str(cwd), "environment": dict(environment)}
        request = os.memfd_create("order")
        os.write(request, json.dumps(order).encode())
        pipes = [os.pipe() for _ in ("stdout", "stderr", "answer")]
        theirs = [request, *(write for _, write in pipes)]
        try:
            socket.send_fds(self._sock, [b"run"], theirs)
        finally:
            for fd in theirs:
                os.close(fd)
        stdout, stderr, answer = (_Collected(read) for read, _ in pipes)
        try:
            _collect((stdout, stderr, answer), time.monotonic() + timeout)
        except TimeoutError:
            os.kill(int(answer.text.split()[0]), signal.SIGKILL)
            raise subprocess.TimeoutExpired(["bide", *arguments], timeout, stdout.text, stderr.text) from None
        finally:
            for output in (stdout, stderr, answer):
                os.close(output.fd)
        return subprocess.CompletedProcess(
            ["bide", *arguments], int(answer.text.split()[1]), stdout.text, stderr.text
        )

    def close(self) -> None:
        """End the template process."""
        self._sock.close()
        self._template.wait()


class _Collected:
    """What has come out of the read end of a pipe."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.data = bytearray()

    @property
    def text(self) -> str:
        return self.data.decode(errors="backslashreplace")


def _collect(outputs: Sequence[_Collected], deadline: float) -> None:
    """Read until all pipes have ended; TimeoutError if that takes too long."""
    open_ones = {output.fd: output for output in outputs}
    poll = select.poll()
    for fd in open_ones:
        poll.register(fd, select.POLLIN)
    while open_ones:
        ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            raise TimeoutError
        for fd, _ in ready:
            data = os.read(fd, _CHUNK)
            open_ones[fd].data += data
            if not data:
                poll.unregister(fd)
                del open_ones[fd]


def _fixed(environment: Mapping[str, str]) -> dict[str, str]:
    """What has to be the same in the template and its commands."""
    return {name: value for name, value in environment.items() if not name.startswith(_READ_LATE)}
