"""What a server does while it runs: schedules, changed files, logins."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.api import Api
from tests.support.commands import Command, Folder

DAILY = """
from datetime import datetime
from bide import DAG, task

with DAG("daily", schedule="@daily", start_date=datetime(2024, 1, 1), is_paused_upon_creation=True):
    @task
    def day(data_interval_start=None, data_interval_end=None, run_id=None):
        return [data_interval_start.isoformat(), data_interval_end.isoformat(), run_id]

    day()
"""

SMALL = """
from bide import DAG, task
import helper

with DAG("small"):
    @task
    def answer():
        return helper.VALUE

    answer()
"""

#: Seconds within which a change is seen, even where tests run side by side; on a free machine it is a tenth.
SEEN_WITHIN = 5.0


@pytest.fixture(scope="module")
def served(make_folder: MakeFolder) -> Iterator[tuple[Folder, Api, Command]]:
    folder = make_folder()
    folder.dag("daily", DAILY)
    folder.dag("helper", "VALUE = 1\n")
    folder.dag("small", SMALL)
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        with Api(folder, server) as api:
            yield folder, api, server


def test_a_paused_dag_runs_once_it_is_unpaused(served: tuple[Folder, Api, Command]) -> None:
    folder, api, _ = served
    assert api.get("/dags/daily")["is_paused"] is True
    assert api.get("/dags/daily/dagRuns")["total_entries"] == 0
    assert folder.run("dags", "unpause", "daily").returncode == 0

    def states() -> list[str]:
        return [run["state"] for run in api.get("/dags/daily/dagRuns")["dag_runs"]]

    # No catch-up unless it is asked for: the latest day alone.
    api.until(lambda: states() == ["success"])
    (run,) = api.get("/dags/daily/dagRuns")["dag_runs"]
    assert run["run_type"] == "scheduled"
    start, end, run_id = folder.ask("tasks", "show", "daily", "day")["xcom"]["return_value"]
    assert (start[11:19], end[11:19]) == ("00:00:00", "00:00:00")
    assert run_id == f"scheduled__{start}" == run["dag_run_id"]
    assert api.patch("/dags/daily", is_paused=True)["is_paused"] is True
    assert folder.ask("dags", "show", "daily")["paused"] is True


def test_a_changed_file_is_seen_and_run_at_once(served: tuple[Folder, Api, Command]) -> None:
    folder, api, _ = served
    path = folder.dags / "small.py"
    assert api.run_to_end("small")["state"] == "success"
    path.write_text(SMALL.replace('"small"', '"small", description="changed"'))
    began = time.monotonic()
    api.until(lambda: api.get("/dags/small")["description"] == "changed")
    assert time.monotonic() - began < SEEN_WITHIN
    # What a file imports counts as well, in workers that are warm too.
    (folder.dags / "helper.py").write_text("VALUE = 22\n")
    assert api.run_to_end("small", dag_run_id="with_helper")["state"] == "success"
    assert folder.ask("tasks", "show", "small", "answer", "--run", "with_helper")["xcom"]["return_value"] == 22


def test_a_new_file_is_seen_at_once_and_a_removed_one_is_gone(served: tuple[Folder, Api, Command]) -> None:
    folder, api, _ = served
    began = time.monotonic()
    path = folder.dag("later", SMALL.replace('"small"', '"later"'))
    api.until(lambda: "later" in [dag["dag_id"] for dag in api.get("/dags")["dags"]])
    assert time.monotonic() - began < SEEN_WITHIN
    assert api.run_to_end("later")["state"] == "success"
    path.unlink()
    api.until(lambda: "later" not in [dag["dag_id"] for dag in api.get("/dags")["dags"]])
    refused = api.client.post("/dags/later/dagRuns", json={})
    assert refused.status_code in (404, 409)
    assert "later" in refused.json()["detail"]
    # Its history stays.
    assert [run["dag_id"] for run in folder.ask("runs", "list", "later")] == ["later"]


def test_the_greeting_can_be_pasted_into_a_shell(served: tuple[Folder, Api, Command]) -> None:
    _, _, server = served
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    command = next(line for line in server.lines if "curl -u" in line)
    answer = subprocess.run(["sh", "-c", f"{command.strip()} -sS"], capture_output=True, text=True, check=True)
    assert {dag["dag_id"] for dag in json.loads(answer.stdout)["dags"]} >= {"daily", "small"}


def test_a_token_lets_in_and_a_wrong_password_does_not(served: tuple[Folder, Api, Command]) -> None:
    _, api, _ = served
    root = str(api.client.base_url).removesuffix("/api/v2/")
    made = api.client.post(root + "/auth/token", json={"username": "admin", "password": api.password}, auth=None)
    bearer = {"Authorization": f"Bearer {made.json()['access_token']}"}
    with httpx.Client(base_url=api.client.base_url) as anyone:
        assert anyone.get("/dags", headers=bearer).status_code == 200
        assert anyone.get("/dags").status_code == 401
        refused = anyone.get("/dags", auth=("admin", "wrong"))
        assert refused.status_code == 401
        assert "Basic realm=" in refused.headers["www-authenticate"]
        assert anyone.post(root + "/auth/token", json={"username": "admin", "password": "x"}).status_code == 401
        assert anyone.get("/monitor/health").json()["scheduler"]["status"] == "healthy"


def test_what_is_wrong_with_a_request_is_said(served: tuple[Folder, Api, Command]) -> None:
    _, api, _ = served
    for path, body, status, words in [
        ("/dags/nix/dagRuns", {}, 404, "there is no DAG 'nix'"),
        ("/dags/small/dagRuns", {"conf": [1]}, 422, "conf"),
        ("/dags/small/dagRuns", {"logical_date": "soon"}, 422, "logical_date"),
        ("/dags/small/dagRuns", {"dag_run_id": "a/b"}, 422, "a/b"),
        ("/dags/small/dagRuns", {"confg": {}}, 422, "confg"),
    ]:
        answer = api.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        assert words in answer.text
