"""Real `bide` processes in a project folder of their own."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from tests.support.forked_commands import ForkedCommands

#: The command of the environment that runs the tests.
BIDE: Final = str(Path(sys.executable).with_name("bide"))
#: What every command has in its environment.
_PLAIN: Final = {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
#: Seconds after which a test gives up waiting; a machine under load is slow.
PATIENCE: Final = 60.0


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    arguments: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """What it printed: one JSON value and nothing else."""
        return json.loads(self.stdout)

    def __str__(self) -> str:
        ended = f"bide {' '.join(self.arguments)} ended with {self.returncode}"
        return f"{ended}:\n{self.stdout}\n--- stderr\n{self.stderr}"


@dataclass(frozen=True)
class DagRun:
    """What ``bide run --output json`` printed, by task."""

    done: Done
    tasks: dict[str, dict[str, Any]]

    @property
    def state(self) -> str:
        """The run's own state."""
        return self.done.json["state"]

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.done.json["run_id"]

    def states(self, task_id: str) -> str:
        """Every state of a task, in order, as one line."""
        return " ".join(self.tasks[task_id]["states"])

    def end(self, task_id: str) -> str:
        """The state in which a task ended."""
        return self.tasks[task_id]["state"]

    def result(self, task_id: str) -> Any:
        """What the task returned; None if nothing."""
        return self.tasks[task_id]["xcom"].get("return_value")

    def log(self, task_id: str) -> str:
        """The log of a task's last try."""
        return _read(Path(self.tasks[task_id]["log_path"]))

    def logs(self, task_id: str) -> list[str]:
        """The log of each try of a task."""
        task = self.tasks[task_id]
        last = Path(task["log_path"])
        return [_read(last.with_name(f"{number}.log")) for number in range(1, task["tries"] + 1)]


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


class Command:
    """A command under way. Its output is collected while it runs."""

    def __init__(
        self, command: Sequence[str], cwd: Path, environment: Mapping[str, str], stdout: int = subprocess.PIPE
    ) -> None:
        """`stdout` may be a terminal; what is written there is not collected."""
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
        )
        #: Both outputs as one, as they came.
        self.lines: list[str] = []
        self._stdout: list[str] = []
        self._read = 0
        self._news = threading.Condition()
        self._readers = [
            threading.Thread(target=self._collect, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Id of its process."""
        return self.process.pid

    @property
    def text(self) -> str:
        """All that it has written so far."""
        return "".join(self.lines)

    @property
    def stdout(self) -> str:
        """What it has written to stdout so far."""
        return "".join(self._stdout)

    def read_until(self, words: str, *, timeout: float = PATIENCE) -> str:
        """Wait for a line with `words` in it, after those that earlier calls have found, and return it."""
        found: list[str] = []

        def over() -> bool:
            for number in range(self._read, len(self.lines)):
                if words in self.lines[number]:
                    self._read = number + 1
                    found.append(self.lines[number])
                    return True
            return not any(reader.is_alive() for reader in self._readers)

        with self._news:
            self._news.wait_for(over, timeout)
        if not found:
            state = "still runs" if self.process.poll() is None else f"ended with {self.process.returncode}"
            raise AssertionError(f"{state} without {words!r}:\n{self.text}")
        return found[0]

    def read_all(self, *words: str) -> None:
        """Wait until each of `words` is in a line, in whichever order, from the last one found on."""
        begin, last = self._read, self._read
        for one in words:
            self._read = begin
            self.read_until(one)
            last = max(last, self._read)
        self._read = last

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command's own process."""
        self.process.send_signal(number)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for its end and the rest of its output; the exit code."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"has not ended within {timeout:g} s:\n{self.text}") from None
        for reader in self._readers:
            reader.join(timeout)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for reader in self._readers:
            reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _collect(self, stream: IO[str]) -> None:
        for line in stream:
            with self._news:
                self.lines.append(line)
                if stream is self.process.stdout:
                    self._stdout.append(line)
                self._news.notify_all()
        with self._news:
            self._news.notify_all()


_starting: Final = threading.Lock()


@functools.cache
def _template() -> ForkedCommands:
    commands = ForkedCommands(BIDE, {**os.environ, **_PLAIN})
    atexit.register(commands.close)
    return commands


def _run(arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end: forked from the template unless its environment is a special one."""
    with _starting:
        template = _template()
    if template.serves(environment):
        return template.run(arguments, cwd, environment, PATIENCE)
    return subprocess.run(
        [BIDE, *arguments],
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class Folder:
    """A project folder with DAG files."""

    def __init__(self, path: Path, **variables: str) -> None:
        """`variables` are in the environment of every command."""
        self.path = path
        self.home = path / ".bide"
        self.dags = path / "dags"
        self.store = self.home / "bide.db"
        self.dags.mkdir(parents=True)
        self._variables = variables

    @property
    def is_on_postgresql(self) -> bool:
        """Whether its store is there, and not in a file."""
        return self.store_url.startswith("postgresql")

    @property
    def store_url(self) -> str:
        """The URL of its store, if that is given."""
        return self._variables.get("BIDE__STORE__URL", "")

    def dag(self, name: str, text: str) -> Path:
        """Write ``dags/{name}.py``."""
        path = self.dags / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        return path

    def copy(self, *files: Path) -> None:
        """Put these into ``dags``."""
        for file in files:
            shutil.copy(file, self.dags / file.name)

    def run(self, *arguments: str, **variables: str) -> Done:
        """Run a command to its end; one that has none fails the test, with what is known of it."""
        try:
            ended = _run(arguments, self.path, self._environment(variables))
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{error}\n{self._evidence()}") from None
        return Done(arguments, ended.returncode, ended.stdout, ended.stderr)

    def _evidence(self) -> str:
        """What has not ended in the store, and the ends of the logs of the engine and its runners."""
        logs = [self.home / name for name in ("engine.log", "runners.log")]
        ends = [f"--- {log.name}\n{log.read_text()[-3000:]}" for log in logs if log.exists()]
        if self.is_on_postgresql:
            return "\n".join(ends)
        with contextlib.closing(sqlite3.connect(self.store)) as conn:
            open_ones = conn.execute(
                "SELECT dag_id, task_id, state, epoch, session FROM task_instance "
                "WHERE state NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed')"
            ).fetchall()
            waiting = conn.execute("SELECT kind, classpath, session, token, due_at FROM wait").fetchall()
        return "\n".join(["--- open", *map(str, open_ones), "--- waits", *map(str, waiting), *ends])

    def ask(self, *arguments: str, code: int = 0, **variables: str) -> Any:
        """The value that a command prints with ``--output json``."""
        done = self.run(*arguments, "--output", "json", **variables)
        assert done.returncode == code, str(done)
        return done.json

    def refused(self, *arguments: str, code: int, **variables: str) -> str:
        """Run a command that can't do what was asked: what it says about that, in a message and nothing else."""
        done = self.run(*arguments, **variables)
        assert done.returncode == code, str(done)
        assert done.stdout == "", str(done)
        assert "Traceback" not in done.stderr, str(done)
        return done.stderr

    def dag_run(self, *arguments: str, code: int = 0, **variables: str) -> DagRun:
        """``bide run`` to the end of the run."""
        done = self.run("run", *arguments, "--output", "json", **variables)
        assert done.returncode == code and done.stdout, str(done)
        return DagRun(done, {task["task_id"]: task for task in done.json["tasks"]})

    @contextlib.contextmanager
    def start(
        self, *arguments: str, stdout: int = subprocess.PIPE, shell: str = "", **variables: str
    ) -> Iterator[Command]:
        """Start a command, after the `shell` commands if there are any; it is killed at the end of the context."""
        line = ["sh", "-c", f'{shell}; exec "$@"', "sh"] if shell else []
        with Command([*line, BIDE, *arguments], self.path, self._environment(variables), stdout) as command:
            yield command

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BIDE")}
        return {**inherited, **_PLAIN, "BIDE_HOME": str(self.home), **self._variables, **variables}
