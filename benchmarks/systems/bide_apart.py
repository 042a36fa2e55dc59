"""Bide with its parts in processes of their own, on one PostgreSQL server."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.systems.bide import BideOnPostgres
from benchmarks.systems.contract import BenchmarkError

TRIGGERERS: Final = 3


class BideApart(BideOnPostgres):
    """One scheduler, three triggerers, a dag-processor and an API server, every setting at its default."""

    name = "Bide, parts apart"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.triggerers: list[psutil.Popen] = []

    def launch(self, settings: Mapping[str, str]) -> None:
        command = str(Path(sys.executable).with_name("bide"))
        environment = {
            **self.environment(),
            "BIDE_HOME": str(self.state_folder),
            "BIDE__STORE__URL": self.url,
            **settings,
        }
        common = ["--dags", str(self.dags_folder)]
        self.spawn("api-server", [command, "api-server", "--port", str(self.port), *common], environment)
        for part in ("scheduler", "dag-processor"):
            self.spawn(part, [command, part, *common], environment)
        for number in range(TRIGGERERS):
            self.spawn(f"triggerer-{number}", [command, "triggerer", *common], environment)
        self.triggerers = self.processes[-TRIGGERERS:]

    @property
    def url(self) -> str:
        """The URL of its database."""
        return self._running.url("bide")

    @property
    def _running(self) -> Any:
        if self._server is None:
            raise BenchmarkError(f"{self.name}: prepare() comes first")
        return self._server

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement on the database; its rows."""
        with self._running.connect(self.url) as conn:
            cursor = conn.execute(query.encode(), values)
            return [] if cursor.description is None else cursor.fetchall()

    def crash(self, process: psutil.Popen) -> None:
        """kill -9."""
        process.kill()
        process.wait()
        self.processes.remove(process)
        self.triggerers.remove(process)
