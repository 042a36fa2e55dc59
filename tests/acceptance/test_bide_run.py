"""`bide run` as a person uses it: real processes, real signals."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Folder

SMALL = """
from datetime import timedelta
from bide import DAG, BaseOperator, TimeDeltaTrigger, task

class Nap(BaseOperator):
    def execute(self, context):
        self.defer(trigger=TimeDeltaTrigger(timedelta(milliseconds=200)), method_name="wake")

    def wake(self, context, event):
        pass

with DAG("small"):
    @task
    def extract():
        return {"rows": 3}

    @task
    def count(found):
        print("counting")
        return found["rows"]

    found = extract()
    found >> Nap(task_id="nap")
    count(found)
"""

WAITS_FOR_A_FILE = """
from pathlib import Path
from bide import DAG, FileSensor, task

HERE = Path(__file__).parent

with DAG("waiting"):
    @task
    def once():
        with (HERE / "ran").open("a") as file:
            file.write("x")

    once() >> FileSensor(task_id="wait", filepath=str(HERE / "go"), poke_interval=0.2, deferrable=True)
"""

STUBBORN = """
import time
from bide import DAG, BaseOperator

class Stubborn(BaseOperator):
    def execute(self, context):
        print("begins")
        while True:
            time.sleep(60)

    def on_kill(self):
        print("will not go")
        time.sleep(60)

with DAG("stubborn"):
    Stubborn(task_id="sleeper")
"""

BROKEN = """
from bide import DAG, task

with DAG("broken"):
    @task
    def load():
        print("about to load")
        raise ValueError("no rows")

    load()
"""


def runs(folder: Folder, dag_id: str) -> list[dict[str, Any]]:
    listed = folder.run("runs", "list", dag_id, "--output", "json")
    assert listed.returncode == 0, listed.stderr
    return json.loads(listed.stdout)


def test_one_object_and_nothing_else_on_stdout(folder: Folder) -> None:
    folder.dag("small", SMALL)
    done = folder.run("run", "dags/small.py", "--conf", '{"env": "prod"}', "--output", "json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["dag_id"], result["state"]) == ("small", "success")
    tasks = {task["task_id"]: task for task in result["tasks"]}
    assert tasks["nap"]["states"] == [
        "scheduled",
        "queued",
        "running",
        "deferred",
        "scheduled",
        "queued",
        "running",
        "success",
    ]
    assert tasks["count"]["xcom"] == {"return_value": 3}
    assert tasks["count"]["tries"] == 1
    with open(tasks["count"]["log_path"], encoding="utf-8") as log:  # noqa: PTH123
        assert "counting" in log.read()


def test_lines_tell_what_happens(folder: Folder) -> None:
    folder.dag("small", SMALL)
    done = folder.run("run", "small", "--logical-date", "2026-03-29")
    assert done.returncode == 0, done.stderr
    assert "extract success after " in done.stdout
    assert "small manual__2026-03-29T00:00:00+00:00: success, 3 of 3 tasks done" in done.stdout
    assert "count returned 3" in done.stdout
    assert done.stderr == ""
    again = folder.run("run", "small", "--logical-date", "2026-03-29")
    assert again.returncode == 1
    assert "has a run 'manual__2026-03-29T00:00:00+00:00' already: go on with that one (--resume)" in again.stderr


def test_a_failure_shows_the_end_of_the_log(folder: Folder) -> None:
    folder.dag("broken", BROKEN)
    done = folder.run("run", "dags/broken.py")
    assert done.returncode == 1
    assert "load failed after" in done.stdout
    assert "about to load" in done.stdout
    assert "ValueError: no rows" in done.stdout.splitlines()[-2]
    as_json = folder.run("run", "dags/broken.py", "--output", "json")
    assert as_json.returncode == 1
    assert json.loads(as_json.stdout)["tasks"][0]["states"][-1] == "failed"
    assert "about to load" in as_json.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from bide import DAG\nx = = 3\n", "bad.py, line 2"),
        ("x = 3\n", "makes no DAG: none was created"),
        ("from bide import DAG\nwith DAG('a'): pass\nwith DAG('b'): pass\n", "choose one with --dag (a, b)"),
        ("import os\nos._exit(3)\n", "exited with code 3"),
    ],
)
def test_a_file_that_can_not_be_run_is_exit_code_2(folder: Folder, text: str, words: str) -> None:
    folder.dag("bad", text)
    done = folder.run("run", "dags/bad.py", "--output", "json")
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert done.stdout == ""


HELD = """
from bide import DAG, task

with DAG("held"):
    @task
    def first(): ...

    @task(pool="spark")
    def a(): ...

    @task(pool="spark")
    def b(): ...

    first() >> [a(), b()]
"""


def test_what_can_not_start_says_why_once(folder: Folder) -> None:
    folder.dag("held", HELD)
    with folder.start("run", "held") as run:
        run.read_until(" can't start: there is no pool 'spark': make it with `bide pools set spark SLOTS`")
        assert folder.run("pools", "set", "spark", "1").returncode == 0
        assert run.wait() == 0, run.text
    assert run.text.count("can't start") == 1


def test_ctrl_c_cancels_the_run(folder: Folder) -> None:
    folder.dag("waiting", WAITS_FOR_A_FILE)
    with folder.start("run", "waiting") as command:
        command.read_until("wait deferred: waits for file")
        command.send(signal.SIGINT)
        assert command.wait() == 130
    assert "cancelling the run; Ctrl-C again to leave at once" in command.text
    (run,) = runs(folder, "waiting")
    assert run["state"] == "failed"
    assert run["reason"].startswith("cancelled by ")
    assert json.loads(folder.run("waits", "list", "-o", "json").stdout) == []


def test_a_second_ctrl_c_leaves_at_once(folder: Folder) -> None:
    folder.dag("stubborn", STUBBORN)
    (folder.path / "bide.toml").write_text("[local_executor]\ngrace_sec = 600\n")
    with folder.start("run", "stubborn") as command:
        command.read_until("sleeper running")
        command.send(signal.SIGINT)
        command.read_until("cancelling the run")
        command.read_until("failed")
        command.send(signal.SIGINT)
        assert command.wait() == 130


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_was_stopped_is_resumed_where_it_was(folder: Folder, end: signal.Signals) -> None:
    folder.dag("waiting", WAITS_FOR_A_FILE)
    with folder.start("run", "waiting") as command:
        command.read_until("wait deferred: waits for file")
        command.send(end)
        assert command.wait() == (143 if end is signal.SIGTERM else -9)
    (run,) = runs(folder, "waiting")
    assert run["state"] == "running"
    (folder.path / "dags" / "go").touch()
    done = folder.run("run", "waiting", "--resume", run["run_id"], "--output", "json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["run_id"] == run["run_id"]
    assert [task["tries"] for task in result["tasks"]] == [1, 1]
    assert (folder.path / "dags" / "ran").read_text() == "x"
    # It has ended: going on with it shows how.
    again = folder.run("run", "waiting", "--resume", run["run_id"])
    assert again.returncode == 0, again.stderr
    assert len(runs(folder, "waiting")) == 1


def test_on_a_terminal_a_table_is_drawn_and_the_cursor_given_back(folder: Folder) -> None:
    folder.dag("small", SMALL)
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
    with folder.start("run", "small", stdout=terminal) as command:
        os.close(terminal)
        shown = "".join(read_terminal(controller))
        assert command.process.wait() == 0
    assert "waits for" in shown
    assert "3 of 3 tasks done: 3 success" in shown
    # The last word on the cursor is to show it.
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def read_terminal(controller: int) -> Iterator[str]:
    """What is written to a terminal, until nobody has it open any more."""
    with open(controller, "rb", buffering=0) as stream:
        while True:
            try:
                data = stream.read(65536)
            except OSError:
                return
            if not data:
                return
            yield data.decode(errors="replace")


def test_resuming_what_is_not_there(folder: Folder) -> None:
    folder.dag("small", SMALL)
    done = folder.run("run", "small", "--resume", "nix")
    assert done.returncode == 1
    assert "DAG 'small' has no run 'nix' to resume" in done.stderr


def test_logs_are_followed_to_the_end(folder: Folder) -> None:
    folder.dag("waiting", WAITS_FOR_A_FILE)
    with folder.start("run", "waiting") as command:
        command.read_until("wait deferred: waits for file")
        with folder.start("tasks", "logs", "-f", "waiting", "wait") as logs:
            logs.read_until("begins in process")
            (folder.path / "dags" / "go").touch()
            assert logs.wait() == 0
        assert "Task succeeded" in logs.text
        assert command.wait() == 0


def test_dags_are_listed_from_their_files(folder: Folder) -> None:
    folder.dag("small", SMALL)
    folder.dag("bad", "from bide import DAG\nx = = 3\n")
    listed = folder.run("dags", "list", "-o", "json")
    assert [dag["dag_id"] for dag in json.loads(listed.stdout)] == ["small"]
    assert "1 import error: see `bide dags errors`" in listed.stderr
    errors = folder.run("dags", "errors", "--dags", "dags", "-o", "json")
    assert errors.returncode == 1
    (error,) = json.loads(errors.stdout)
    assert error["file"] == str(folder.path / "dags" / "bad.py")
    assert error["line"] == 2
    shown = json.loads(folder.run("dags", "show", "small", "-o", "json").stdout)
    assert next(task["task_id"] for task in shown["tasks"]) == "extract"
    assert {tuple(task["upstream"]) for task in shown["tasks"]} == {(), ("extract",)}
    missing = folder.run("dags", "show", "nix")
    assert missing.returncode == 1
    assert "there is no DAG 'nix'" in missing.stderr


def test_a_task_whose_worker_dies_is_told_why_once(folder: Folder) -> None:
    folder.dag("dies", "import os\nfrom bide import DAG, task\nwith DAG('dies'):\n    task(os.abort)()\n")
    done = folder.run("run", "dies", "-o", "json")
    assert done.returncode == 1
    (task,) = done.json["tasks"]
    assert Path(task["log_path"]).read_text().count("died with signal 6 (SIGABRT)") == 1
