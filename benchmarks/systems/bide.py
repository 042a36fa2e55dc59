"""Bide as it is installed in the environment that runs the benchmarks: one ``bide standalone``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.postgres import PostgresServer

from benchmarks.systems.contract import BenchmarkError, System


class Bide(System):
    """One engine on SQLite, with every setting at its default unless a benchmark says otherwise."""

    name = "Bide"

    @property
    def state_folder(self) -> Path:
        """$BIDE_HOME."""
        return self.home / ".bide"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.state_folder / "bide.db"

    def prepare(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)

    def launch(self, settings: Mapping[str, str]) -> None:
        command = Path(sys.executable).with_name("bide")
        environment = {**self.environment(), "BIDE_HOME": str(self.state_folder), **settings}
        words = [str(command), "standalone", "--dags", str(self.dags_folder), "--port", str(self.port)]
        self.spawn("standalone", words, environment)

    def token(self) -> str | None:
        password = self.state_folder / "password"
        if not password.exists():
            return None
        body = {"username": "admin", "password": password.read_text().strip()}
        response = self.request("POST", "/auth/token", json=body)
        return response.json()["access_token"] if response.status_code == 201 else None


class BideOnPostgres(Bide):
    """The same engine with its rows in a PostgreSQL server of its own, which keeps what it has committed."""

    name = "Bide, PostgreSQL"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._server: PostgresServer | None = None

    def prepare(self) -> None:
        super().prepare()
        self._server = PostgresServer(durable=True)
        self._server.make(name="bide")

    def launch(self, settings: Mapping[str, str]) -> None:
        if self._server is None:
            raise BenchmarkError(f"{self.name}: prepare() comes first")
        super().launch({"BIDE__STORE__URL": self._server.url("bide"), **settings})

    def stop(self) -> None:
        super().stop()
        if self._server is not None:
            self._server.remove()
            self._server = None
