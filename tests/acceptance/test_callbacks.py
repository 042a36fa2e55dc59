"""Callback URLs under real commands: a service outside pushes a task forward."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue

import httpx
import pytest

from tests.support.api import Api
from tests.support.commands import PATIENCE, Folder

TELLS = """
    import json, urllib.request
    from bide import DAG, BaseOperator, PollTrigger, SignalTrigger, any_of, callback_url, get_current_context, task

    class Never(PollTrigger):
        interval = 600.0
        def serialize(self):
            return "tells.Never", {}
        def poll(self):
            return None

    def post(url, body):
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=60).read()

    class Tells(BaseOperator):
        template_fields = ("link",)

        def __init__(self, service, link="", safe=False, **kwargs):
            super().__init__(**kwargs)
            self.service, self.link, self.safe = service, link, safe

        def execute(self, context):
            url = self.callback_url()
            assert url == callback_url() == context["callback_url"]()
            assert self.link in ("", f"call {url}"), self.link
            post(self.service, {"url": url})
            print("was told to call", url, "by", repr(url.rpartition("/")[2]))
            if self.safe:
                self.defer(trigger=any_of(told=SignalTrigger(), seen=Never()), method_name="done")
            self.defer(SignalTrigger(), method_name="done", timeout=300)

        def done(self, context, event):
            return event
"""


@contextmanager
def service(early: bool = False, key: str = "url") -> Iterator[tuple[str, SimpleQueue[str]]]:
    """A service that calls back: while it is asked if `early`, else when the test says so."""
    asked: SimpleQueue[str] = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            url = json.loads(self.rfile.read(int(self.headers["Content-Length"])))[key]
            if early:
                assert httpx.post(url, json={"early": True}).json() == {"result": "stored"}
            asked.put(url)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


GATE = """
    from bide import FileSensor
    FileSensor(task_id="gate", filepath={path!r}, poke_interval=0.1, deferrable=True)
"""


def write_dag(folder: Folder, url: str, arguments: str = "") -> Path:
    import textwrap

    text = textwrap.dedent(TELLS) + textwrap.dedent(f"""
        with DAG("tells"):
            Tells(task_id="tells", service={url!r}{arguments})
    """)
    return folder.dag("tells", text)


def test_k26_a_callback_reaches_a_task_of_bide_run(folder: Folder) -> None:
    """K26, L033: no server of one's own is needed; `bide run` listens while somebody may call."""
    with service() as (url, asked):
        path = write_dag(folder, url, ", link='call {{ callback_url() }}'")
        # The run goes on, and listens, until the second call was made.
        gate = folder.home / "gate"
        path.write_text(f"{path.read_text()}{GATE.format(path=str(gate))}")
        with folder.start("run", str(path), "--output", "json") as command:
            callback = asked.get(timeout=PATIENCE)
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/callbacks/[\w-]{43}", callback)
            body = {"rows": 3}
            assert httpx.post(callback, json=body).json()["result"] in ("resumed", "stored")
            assert httpx.post(callback, json={"rows": 4}).json() == {"result": "repeated"}
            gate.touch()
            assert command.wait() == 0, command.text
            (task,) = [one for one in json.loads(command.stdout)["tasks"] if one["task_id"] == "tells"]
    assert task["xcom"]["return_value"] == body
    log = Path(task["log_path"]).read_text()
    token = callback.rpartition("/")[2]
    assert "was told to call" in log
    assert token not in log
    assert "/callbacks/***" in log
    assert not [path for path in folder.home.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]


def test_k26_a_call_that_comes_before_the_task_waits_is_not_lost(folder: Folder) -> None:
    """K26: stored, and taken when the wait is armed."""
    with service(early=True) as (url, _):
        run = folder.dag_run(str(write_dag(folder, url)))
    assert run.result("tells") == {"early": True}
    assert run.states("tells") == "scheduled queued running deferred scheduled queued running success"


def test_a_run_without_callbacks_listens_nowhere(folder: Folder) -> None:
    folder.dag("plain", "from bide import DAG, task\nwith DAG('plain'):\n    task(lambda: 1, task_id='a')()\n")
    folder.dag_run("plain")
    assert not (folder.home / "callback-port").exists()


def test_k26_the_guides_dag_is_called_back_and_told_by_a_person(folder: Folder) -> None:
    """K26: a service by its URL, a person by name."""
    page = (Path(__file__).parents[2] / "docs/guides/callbacks-and-signals.md").read_text()
    (text,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    with service(key="call_when_done") as (url, asked):
        text = text.replace("http://127.0.0.1:9000/", url).replace("/tmp/", f"{folder.path}/")
        folder.dag("export", text)
        with folder.start("run", "export", "--output", "json") as command:
            body = {"rows": 3}
            assert httpx.post(asked.get(timeout=PATIENCE), json=body).json()["result"] in ("resumed", "stored")
            sent = folder.ask("waits", "signal", "export", "publish", "approved", "--payload", '{"ok": true}')
            assert sent["result"] in ("resumed", "stored")
            assert command.wait() == 0, command.text
            tasks = {task["task_id"]: task["xcom"]["return_value"] for task in json.loads(command.stdout)["tasks"]}
    assert tasks == {"export": {"told": body}, "publish": "published"}


def test_a_callback_with_a_slow_poll_as_safety_net_is_one_line(folder: Folder) -> None:
    with service(early=True) as (url, _):
        run = folder.dag_run(str(write_dag(folder, url, ", safe=True")))
    assert run.result("tells") == {"told": {"early": True}}


@pytest.mark.parametrize("base_url", [False, True])
def test_k26_a_callback_reaches_a_task_of_standalone(folder: Folder, base_url: bool) -> None:
    """K26: under the server's own address or, behind a proxy, under the one that was set."""
    variables = {"BIDE__API__BASE_URL": "https://bide.example/up"} if base_url else {}
    with service() as (url, asked):
        write_dag(folder, url)
        with folder.start("standalone", "--port", "0", **variables) as server:
            server.read_until("Bide listens at")
            with Api(folder, server) as api:
                api.until(lambda: api.client.get("/dags/tells").is_success)
                run_id = api.post("/dags/tells/dagRuns")["dag_run_id"]
                path = f"/dags/tells/dagRuns/{run_id}"
                callback = asked.get(timeout=PATIENCE)
                here = str(api.client.base_url).partition("/api/")[0]
                if base_url:
                    assert callback.startswith("https://bide.example/up/callbacks/")
                    callback = callback.replace("https://bide.example/up", here)
                assert callback.startswith(f"{here}/callbacks/")
                assert httpx.post(callback, content=b"nonsense").status_code == 400
                assert httpx.post(callback[:-1] + "!", json=1).status_code == 404
                assert httpx.post(callback, json=["done"]).is_success
                api.until(lambda: api.get(path)["state"] == "success")
                # A repeat after the task's end is no error; the service could not know.
                assert httpx.post(callback, json=1).json() == {"result": "repeated"}
            assert callback.rpartition("/")[2] not in server.text
