"""Apache Airflow of another environment: its four services on a PostgreSQL server of their own.

On SQLite, its default, it answers with database errors as soon as 50 tasks wait at once.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.postgres import PostgresServer

from benchmarks.systems.contract import BenchmarkError, System

#: Airflow's own settings, as far as it can't run the benchmarks without them or would be held back by a limit that
#: Bide does not have. Intervals of its loops are left at their defaults.
_SETTINGS: Final = {
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "CORE__MAX_ACTIVE_TASKS_PER_DAG": "100000",
    "CORE__DEFAULT_POOL_TASK_SLOT_COUNT": "100000",
    "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    "TRIGGERER__CAPACITY": "20000",
}

_DATABASE: Final = "airflow"


class Airflow(System):
    """Scheduler, DAG processor, triggerer and API server of the environment with the interpreter `python`."""

    name = "Airflow"
    slow = True

    def __init__(self, home: Path, python: Path) -> None:
        super().__init__(home)
        self._python = python
        self._secret = secrets.token_hex(32)
        self._server: PostgresServer | None = None

    def prepare(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self._server = PostgresServer(durable=True)
        self._server.make(name=_DATABASE)
        self._command("db", "migrate")

    def stop(self) -> None:
        super().stop()
        if self._server is not None:
            self._server.remove()
            self._server = None

    def launch(self, settings: Mapping[str, str]) -> None:
        environment = {**self._environment(), **settings}
        for name, words in (
            ("api-server", ["api-server"]),
            ("scheduler", ["scheduler", "--skip-serve-logs"]),
            ("dag-processor", ["dag-processor"]),
            ("triggerer", ["triggerer", "--skip-serve-logs"]),
        ):
            self.spawn(name, [str(self._python), "-m", "airflow", *words], environment)

    def token(self) -> str | None:
        response = self.request("GET", "/auth/token")
        return response.json()["access_token"] if response.status_code in {200, 201} else None

    def version(self) -> str:
        """The release that is installed there."""
        return self._command("version").strip().splitlines()[-1]

    def _command(self, *words: str) -> str:
        self.home.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [str(self._python), "-m", "airflow", *words],
            env=self._environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchmarkError(f"airflow {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        address = f"http://127.0.0.1:{self.port}"
        settings = {
            **_SETTINGS,
            "CORE__DAGS_FOLDER": str(self.dags_folder),
            "CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__BASE_URL": address,
            "API__WORKERS": "1",
            "API__SECRET_KEY": self._secret,
            "API_AUTH__JWT_SECRET": self._secret,
        }
        if self._server is not None:
            url = self._server.url(_DATABASE).removeprefix("postgresql://")
            settings["DATABASE__SQL_ALCHEMY_CONN"] = f"postgresql+psycopg2://{url}"
            settings["DATABASE__SQL_ALCHEMY_CONN_ASYNC"] = f"postgresql+asyncpg://{url}"
        return {
            **self.environment(),
            **{f"AIRFLOW__{key}": value for key, value in settings.items()},
            "AIRFLOW_HOME": str(self.home),
            "PATH": f"{self._python.parent}:{self.environment()['PATH']}",
        }
