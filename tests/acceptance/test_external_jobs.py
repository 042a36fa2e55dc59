"""The guide's example of a job in another service, with real processes that are killed."""

from __future__ import annotations

import re
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.commands import PATIENCE, Command, Folder

PAGE = Path(__file__).parents[2] / "docs/guides/external-jobs.md"
SERVICE, RENDER = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def service(folder: Folder) -> Iterator[Command]:
    """The service of the guide, at a port of its own, and the DAG that uses it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
    folder.dag("render", RENDER.replace("9001", port).replace("poll_interval=1,", "poll_interval=0.2,"))
    serve = "ThreadingHTTPServer(("
    assert serve in SERVICE
    text = SERVICE.replace("9001", port).replace(
        ").serve_forever()", ")\nprint('ready', flush=True)\nserver.serve_forever()"
    )
    (folder.path / "service.py").write_text(text.replace(f"\n{serve}", f"\nserver = {serve}"))
    with Command([sys.executable, "service.py"], folder.path, {}) as command:
        command.read_until("ready")
        yield command


def told(service: Command) -> list[str]:
    """What the service was told to do."""
    return [line for line in service.text.splitlines() if line.startswith(("submitted", "cancelled"))]


def test_k07_the_engine_is_killed_and_the_job_goes_on(folder: Folder, service: Command) -> None:
    """K07: `bide run --resume` finds the job that is running; the service sees one submission."""
    with folder.start("run", "render", "--conf", '{"seconds": 4}') as run:
        run.read_until("film deferred")
        run.process.kill()
    (listed,) = folder.ask("runs", "list")
    done = folder.dag_run("render", "--resume", listed["run_id"])
    assert done.result("film") == {"job": "job-1", "frames": 240}
    assert "publishing 240 frames of job-1" in done.log("publish")
    assert told(service) == ["submitted job-1"]


def test_k01_an_interrupted_run_cancels_its_job(folder: Folder, service: Command) -> None:
    """K01: Ctrl-C waits until the job is cancelled."""
    with folder.start("run", "render", "--conf", '{"seconds": 600}') as run:
        run.read_until("film deferred")
        run.send(signal.SIGINT)
        assert run.wait() == 130
    assert told(service) == ["submitted job-1", "cancelled job-1"]


def test_k30_progress_is_seen_and_a_clear_starts_another_job(folder: Folder, service: Command) -> None:
    """K30 and K01: how far the job is, in commands and API; its cancel comes before the next submission."""
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("Bide listens at")
        with Api(folder, server) as api:
            api.until(lambda: api.client.get("/dags/render").is_success)
            api.post("/dags/render/dagRuns", conf={"seconds": 600})
            api.until(lambda: any(one["progress"] for one in api.get("/waits")["waits"]))
            (seen,) = api.get("/waits")["waits"]
        assert seen["progress"]["text"] == "rendering"
        assert 0 <= seen["progress"]["fraction"] < 0.5
        assert seen["subject"] == "RenderOperator job-1"
        (row,) = folder.ask("waits", "list")
        assert re.fullmatch(r"\d\d?%, rendering", row["progress"])
        assert row["unserved"] is None
        stats = folder.ask("waits", "stats")
        assert [(one["trigger"].rpartition(".")[2], one["waiting"]) for one in stats["counts"]] == [
            ("RenderOperatorTrigger", 1)
        ]
        (triggerer,) = stats["triggerers"]
        assert (triggerer["holding"], triggerer["capacity"]) == (1, None)
        assert stats["looks"]["looks"] >= 1
        assert "standalone" in folder.run("waits", "stats").stdout
        assert folder.run("tasks", "clear", "render", "-t", "film", "-y").returncode == 0
        service.read_until("submitted job-2")
        assert folder.ask("waits", "cancel", "render", "film")["cancelled"] == "RenderOperator job-2"
        service.read_until("cancelled job-2")
    assert told(service) == ["submitted job-1", "cancelled job-1", "submitted job-2", "cancelled job-2"]


def test_k07_a_worker_that_dies_in_submit_leaves_one_job(folder: Folder, service: Command) -> None:
    """K07: killed between the submission and its answer; the same key finds the same job."""
    path = folder.dags / "render.py"
    text = path.read_text()
    text = text.replace("import json\n", "import json\nimport os\nimport signal\n", 1)
    dies = 'if method == "POST" and not os.path.exists("died"):\n                open("died", "w").close()\n'
    dies += "                os.kill(os.getpid(), signal.SIGKILL)\n            return json.load(answer)"
    path.write_text(text.replace("return json.load(answer)", dies).replace("retries=2", "retries=2, retry_delay=0"))
    run = folder.dag_run("render", "--conf", '{"seconds": 0.5}')
    assert run.result("film") == {"job": "job-1", "frames": 240}
    assert told(service) == ["submitted job-1"]
    assert "up_for_retry" in run.states("film")


def test_k01_a_job_of_a_worker_that_is_killed_with_its_engine_is_cancelled(
    folder: Folder, service: Command
) -> None:
    """K01: the worker waits itself; the clear is stored, then both die before they could do anything."""
    path = folder.dags / "render.py"
    path.write_text(path.read_text().replace("retries=2", "retries=2, deferrable=False"))
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("Bide listens at")
        with Api(folder, server) as api:
            api.until(lambda: api.client.get("/dags/render").is_success)
            api.post("/dags/render/dagRuns", conf={"seconds": 600})
        service.read_until("submitted job-1")
        api_log = folder.run("tasks", "list", "render").stdout
        assert "running" in api_log
        server.send(signal.SIGSTOP)
        assert folder.run("tasks", "clear", "render", "-t", "film", "-y").returncode == 0
        server.send(signal.SIGKILL)
        server.wait()
    with folder.start("standalone", "--port", "0"):
        service.read_until("submitted job-2", timeout=PATIENCE)
    assert told(service)[:3] == ["submitted job-1", "cancelled job-1", "submitted job-2"]
