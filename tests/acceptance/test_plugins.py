"""The plugin folder: listeners, triggers and operators of modules beside the DAG folder."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.commands import Folder

LISTENER = """
from pathlib import Path

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

HEARD = Path(__file__).with_name("heard")


def hear(*words):
    with HEARD.open("a") as heard:
        heard.write(" ".join(map(str, words)) + "\\n")


class Listener:
    @hookimpl
    def on_task_instance_running(self, previous_state, task_instance, session):
        hear(task_instance.task_id, "running after", previous_state)

    @hookimpl
    def on_task_instance_success(self, previous_state, task_instance):
        hear(task_instance.task_id, "success after", previous_state, task_instance.state)

    @hookimpl
    def on_task_instance_failed(self, previous_state, task_instance, error):
        hear(task_instance.task_id, "failed after", previous_state, task_instance.state, type(error).__name__)

    @hookimpl
    def on_task_instance_skipped(self, previous_state, task_instance):
        hear(task_instance.task_id, "skipped after", previous_state)
        raise RuntimeError("this listener is broken")

    @hookimpl
    def on_dag_run_running(self, dag_run, msg):
        hear(dag_run.dag_id, "runs")

    @hookimpl
    def on_dag_run_failed(self, dag_run, msg):
        hear(dag_run.dag_id, "has failed", dag_run.state)


class Hears(AirflowPlugin):
    name = "hears"
    listeners = [Listener()]
"""

TRIGGERS = """
from bide import BaseOperator, BaseTrigger, TaskSuccessEvent, TaskSkippedEvent, TriggerEvent


class Says(BaseTrigger):
    def __init__(self, what):
        super().__init__()
        self.what = what

    def serialize(self):
        return "waits.says.Says", {"what": self.what}

    async def run(self):
        ends = {"success": TaskSuccessEvent, "skipped": TaskSkippedEvent}
        if self.what == "raises":
            raise ConnectionError("gone")
        yield ends[self.what]() if self.what in ends else TriggerEvent(self.what)


class Hears(BaseOperator):
    def __init__(self, what, **kwargs):
        super().__init__(**kwargs)
        self.what = what

    def execute(self, context):
        self.defer(trigger=Says(self.what), method_name="done")

    def done(self, event):
        return event
"""

DAGS = """
from bide import DAG
from waits.says import Hears

with DAG("plugged", schedule=None):
    for what in ("success", "skipped", "raises", "goes_on"):
        Hears(task_id=what, what=what)
"""


def plug(folder: Folder, where: str = "plugins") -> None:
    plugins = folder.path / where
    (plugins / "waits").mkdir(parents=True)
    (plugins / "listener.py").write_text(LISTENER)
    (plugins / "waits" / "says.py").write_text(TRIGGERS)
    folder.dag("plugged", DAGS)


@pytest.mark.parametrize("where", ["plugins", "elsewhere"])
def test_k16_listeners_hear_every_ending_once_wherever_it_is(folder: Folder, where: str) -> None:
    """K16, L016: a task that ends from its trigger is heard of like one that ends in a worker."""
    plug(folder, where)
    run = folder.dag_run("dags/plugged.py", code=1, BIDE__CORE__PLUGINS_FOLDER=where)
    assert {task_id: run.end(task_id) for task_id in run.tasks} == {
        "success": "success",
        "skipped": "skipped",
        "raises": "failed",
        "goes_on": "success",
    }
    assert run.result("goes_on") == "goes_on"
    heard = Counter((folder.path / where / "heard").read_text().splitlines())
    assert heard == {
        "plugged runs": 1,
        "plugged has failed failed": 1,
        "success running after queued": 1,
        "skipped running after queued": 1,
        "raises running after queued": 1,
        "goes_on running after queued": 2,
        "success success after deferred success": 1,
        "skipped skipped after deferred": 1,
        "raises failed after deferred failed TaskError": 1,
        "goes_on success after running success": 1,
    }
    assert "on_task_instance_skipped Listener.on_task_instance_skipped failed: RuntimeError" in run.log("skipped")


def test_a_plugin_that_cannot_be_loaded_takes_nothing_with_it(folder: Folder) -> None:
    plug(folder)
    (folder.path / "plugins" / "broken.py").write_text("from bide.authoring.plugins import Plugin\n1 / 0\n")
    (folder.path / "plugins" / "wrong.py").write_text(
        "from bide.authoring.listeners import hookimpl\nfrom bide.authoring.plugins import Plugin\n"
        "class L:\n    @hookimpl\n    def on_task_instance_success(self, nonsense): ...\n"
        "class Wrong(Plugin):\n    name = 'wrong'\n    listeners = [L()]\n"
    )
    run = folder.dag_run("dags/plugged.py", code=1)
    assert run.end("success") == "success"
    assert "plugged runs" in (folder.path / "plugins" / "heard").read_text()
    said = (folder.home / "runners.log").read_text()
    assert "broken.py can't be imported: ZeroDivisionError" in said
    assert "plugin 'wrong'" in said


def install(folder: Folder, group: str) -> None:
    """A package with a trigger and a listener, as an installer would leave it in ``site``."""
    site = folder.path / "site"
    (site / "acme").mkdir(parents=True)
    (site / "acme" / "__init__.py").touch()
    (site / "acme" / "listener.py").write_text(LISTENER)
    (site / "acme" / "says.py").write_text(TRIGGERS.replace("waits.says.Says", "acme.says.Says"))
    info = site / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\nacme = acme.listener:Hears\nwrong = acme.says:Says\n")
    folder.dag("plugged", DAGS.replace("waits.says", "acme.says"))


@pytest.mark.parametrize("group", ["bide.plugins", "airflow.plugins"])
def test_triggers_and_plugins_come_with_installed_packages(folder: Folder, group: str) -> None:
    install(folder, group)
    site = str(folder.path / "site")
    run = folder.dag_run("dags/plugged.py", code=1, PYTHONPATH=site)
    assert run.result("goes_on") == "goes_on"
    assert run.end("skipped") == "skipped"
    heard = Counter((folder.path / "site" / "acme" / "heard").read_text().splitlines())
    assert heard["success success after deferred success"] == heard["goes_on success after running success"] == 1
    said = (folder.home / "runners.log").read_text()
    assert f"the entry point {group}: wrong = acme.says:Says names no plugin class" in said
