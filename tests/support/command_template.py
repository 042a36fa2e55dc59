"""A process that has imported the commands and forks one for each that tests run to its end.

``python command_template.py FD BIDE``: FD is an inherited end of a pair of sequenced-packet sockets, BIDE the
command's file. A packet is one order: its descriptors are a file with the order as JSON, the command's stdout and
stderr, and a pipe for the answer, which gets the command's pid as soon as there is one, and its exit status.

Tests run some hundreds of commands, and importing takes most of what a short one costs. A command that is forked
has its own pid, folder, environment and descriptors, and the interpreter ends it as it ends any other.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any


def serve(sock: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Fork a command for each order. In a child its order and outputs; None here, when the tests are gone."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    under_way: dict[int, tuple[int, int]] = {}
    while True:
        for ready, _ in poll.poll():
            if ready in under_way:
                pid, answer = under_way.pop(ready)
                poll.unregister(ready)
                os.close(ready)
                _tell(answer, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                os.close(answer)
                continue
            message, fds, _, _ = socket.recv_fds(sock, 16, 4)
            if not message:
                return None
            order, stdout, stderr, answer = fds
            pid = os.fork()
            if pid == 0:
                sock.close()
                os.close(answer)
                for handle, (_, other) in under_way.items():
                    os.close(handle)
                    os.close(other)
                with os.fdopen(order, encoding="utf-8") as file:
                    file.seek(0)
                    return json.load(file), [stdout, stderr]
            _tell(answer, pid)
            for fd in (order, stdout, stderr):
                os.close(fd)
            handle = os.pidfd_open(pid)
            under_way[handle] = (pid, answer)
            poll.register(handle, select.POLLIN)


def _tell(answer: int, number: int) -> None:
    try:
        os.write(answer, f"{number}\n".encode())
    except BrokenPipeError:
        # The test has given up waiting.
        return


def become(order: dict[str, Any], stdout: int, stderr: int, bide: str) -> None:
    """Make this child the command of `order`."""
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    for number, fd in ((1, stdout), (2, stderr)):
        os.dup2(fd, number)
        os.close(fd)
    sys.argv = [bide, *order["arguments"]]
    sys.path[0] = str(Path(bide).parent)


def main() -> None:
    """Import, serve, and in each child run the command."""
    from bide.cli import main as entry
    from bide.cli.commands import COMMANDS

    for module in COMMANDS.values():
        importlib.import_module(module)
    # What is there by now is never collected, so that children share it.
    gc.collect()
    gc.freeze()
    child = serve(socket.socket(fileno=int(sys.argv[1])))
    if child is not None:
        order, (stdout, stderr) = child
        become(order, stdout, stderr, sys.argv[2])
        entry.main()


if __name__ == "__main__":
    main()
