"""Objects of users' classes as results, arguments of triggers and events."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    return make_folder("objects.py")


@pytest.fixture(scope="module")
def run(shared: Folder) -> DagRun:
    return shared.dag_run("objects", code=1)


def test_classes_of_a_dag_file_go_from_task_to_task(run: DagRun) -> None:
    assert run.result("use") == ["Model", "Table", True]


def test_they_reach_triggers_and_come_back_with_events(run: DagRun) -> None:
    assert run.result("defers") == ["Row", True]


def test_people_see_their_fields(run: DagRun, shared: Folder) -> None:
    assert run.result("make") == {"table": {"rows": [[1, "red"]]}}
    assert shared.ask("tasks", "show", "objects", "make")["xcom"]["return_value"] == run.result("make")


def test_what_can_not_be_stored_is_named_by_its_path(run: DagRun) -> None:
    assert "NotSerializable: return value['why'] is a type, which can't be stored" in run.log("refused")


LARGE = """
from bide import DAG, task

with DAG("large"):
    @task(retries=1, retry_delay=0)
    def make(ti=None):
        ti.xcom_push("side", "y" * 5000)
        if ti.try_number == 1:
            raise ValueError("once more")
        return {"text": "x" * 5000, "n": 1}

    @task
    def use(made, ti=None):
        return [len(made["text"]), made["n"], len(ti.xcom_pull("make", key="side"))]

    use(make())
"""


def test_large_values_lie_in_object_storage(folder: Folder) -> None:
    folder.dag("large", LARGE)
    kept = folder.path / "kept"
    run = folder.dag_run(
        "large", BIDE__XCOM__OBJECTSTORAGE_PATH=f"file://{kept}", BIDE__XCOM__OBJECTSTORAGE_THRESHOLD="1000"
    )
    assert run.result("use") == [5000, 1, 5000]
    files = [path for path in kept.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == {"2"}, "those of the first try are gone"
    assert len(files) == 2
    assert run.result("make").startswith("<50")
    assert b"xxxxx" not in folder.store.read_bytes()


ENDED = """
from bide import DAG, BaseOperator, BaseTrigger, PollTrigger, TaskSuccessEvent, TriggerEvent, task

LEFT = {"return_value": ["x" * 600, "y" * 600], "side": "z" * 5000}

class Stream(BaseTrigger):
    def serialize(self):
        return f"{__name__}.Stream", {}

    async def run(self):
        yield TaskSuccessEvent(xcoms=LEFT)

class Poll(PollTrigger):
    interval = 0.05

    def serialize(self):
        return f"{__name__}.Poll", {}

    def poll(self):
        return TaskSuccessEvent(xcoms=LEFT)

class Waits(BaseOperator):
    def __init__(self, *, trigger, **kwargs):
        super().__init__(**kwargs)
        self.trigger = trigger

    def execute(self, context):
        self.defer(trigger=self.trigger, method_name=None)

with DAG("ended"):
    @task
    def use(text, name, ti=None):
        return [len(text), len(ti.xcom_pull(name, key="side"))]

    for kind in (Stream, Poll):
        name = kind.__name__.lower()
        waits = Waits(task_id=name, trigger=kind())
        use.override(task_id=f"use_{name}").partial(name=name).expand(text=waits.output)
"""


def test_large_values_that_triggers_leave_lie_there_too(folder: Folder) -> None:
    folder.dag("ended", ENDED)
    kept = folder.path / "kept"
    run = folder.dag_run(
        "ended", BIDE__XCOM__OBJECTSTORAGE_PATH=f"file://{kept}", BIDE__XCOM__OBJECTSTORAGE_THRESHOLD="1000"
    )
    assert run.state == "success"
    files = [path.relative_to(kept).parts for path in kept.rglob("*") if path.is_file()]
    assert sorted((parts[2], parts[-1].rpartition("-")[0].partition("-")[0]) for parts in files) == [
        ("poll", "return_value"), ("poll", "side"), ("stream", "return_value"), ("stream", "side")
    ]  # fmt: skip
    assert b"xxxxx" not in folder.store.read_bytes() and b"zzzzz" not in folder.store.read_bytes()


def test_what_triggers_leave_goes_through_a_backend(folder: Folder) -> None:
    (folder.path / "plugins").mkdir()
    (folder.path / "plugins" / "my_xcoms.py").write_text(BACKEND.replace("dag_id}.{task_id}.{key", NAMED))
    folder.dag("ended", ENDED)
    run = folder.dag_run("ended", BIDE__CORE__XCOM_BACKEND="my_xcoms.Kept")
    kept = {path.name for path in (folder.path / "kept").iterdir()}
    assert {"ended.poll.return_value.-1", "ended.stream.side.-1", "ended.use_poll.return_value.1"} <= kept
    assert run.state == "success"


NAMED = "dag_id}.{task_id}.{key}.{map_index"

BACKEND = """
from pathlib import Path
from bide.authoring.xcom_backend import BaseXCom

KEPT = Path(__file__).parents[1] / "kept"

class Kept(BaseXCom):
    @staticmethod
    def serialize_value(value, *, key, task_id, dag_id, run_id, map_index):
        KEPT.mkdir(exist_ok=True)
        text = BaseXCom.serialize_value(value, key=key)
        (KEPT / f"{dag_id}.{task_id}.{key}").write_text(text)
        return f"kept as {dag_id}.{task_id}.{key}"

    @staticmethod
    def deserialize_value(result):
        name = result.value.decode().removeprefix("kept as ")
        assert name.startswith(f"{result.dag_id}.{result.task_id}.{result.key}")
        return BaseXCom.deserialize_value(result._replace(value=(KEPT / name).read_text()))
"""


def test_a_backend_of_ones_own_stores_and_reads_xcoms(folder: Folder) -> None:
    (folder.path / "plugins").mkdir()
    (folder.path / "plugins" / "my_xcoms.py").write_text(BACKEND)
    folder.dag("large", LARGE)
    run = folder.dag_run("large", BIDE__CORE__XCOM_BACKEND="my_xcoms.Kept")
    kept = folder.path / "kept"
    assert {path.name for path in kept.iterdir()} == {
        "large.make.return_value", "large.make.side", "large.use.return_value"
    }  # fmt: skip
    assert (kept / "large.use.return_value").read_text() == "[5000,1,5000]"
    assert b"xxxxx" not in folder.store.read_bytes()
    assert run.state == "success"
