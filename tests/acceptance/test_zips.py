"""DAG files in zips, as Airflow reads them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.commands import Folder

ETL = """
import asyncio
from bide import DAG, BaseOperator, BaseTrigger, TriggerEvent, task
from pack_helper import NAME

class Soon(BaseTrigger):
    def serialize(self):
        return f"{__name__}.Soon", {}
    async def run(self):
        await asyncio.sleep(0.05)
        yield TriggerEvent(NAME)

class Waits(BaseOperator):
    def execute(self, context):
        self.defer(Soon(), method_name="done")
    def done(self, context, event):
        return event

with DAG("packed"):
    Waits(task_id="waits")

    @task
    def name():
        return NAME
    name()
"""


def pack(path: Path, files: Mapping[str, str]) -> Path:
    beside = path.with_suffix(".new")
    with zipfile.ZipFile(beside, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    beside.rename(path)
    return path


def test_dags_of_a_zip_run_and_wait(folder: Folder) -> None:
    files = {
        "etl.py": ETL,
        "other.py": "from bide import DAG, EmptyOperator\nwith DAG('second'): EmptyOperator(task_id='a')\n",
        "pack_helper.py": "NAME = 'from the zip'\n",
        "below/ignored.py": "from bide import DAG\n1 / 0\n",
    }
    path = pack(folder.dags / "pack.zip", files)
    assert {row["dag_id"]: row["file"] for row in folder.ask("dags", "list")} == {
        "packed": str(path),
        "second": str(path),
    }
    run = folder.dag_run("packed")
    assert run.result("waits") == run.result("name") == "from the zip"
    pack(path, {**files, "pack_helper.py": "NAME = 'changed'\n"})
    assert folder.dag_run("packed").result("waits") == "changed"


def test_what_is_wrong_in_a_zip_is_told_with_its_line(folder: Folder) -> None:
    path = pack(folder.dags / "pack.zip", {"bad.py": "from bide import DAG\n\nraise ValueError('no')\n"})
    (error,) = folder.ask("dags", "errors", code=1)
    assert error["file"] == str(path)
    assert error["message"] == f"ValueError: no ({path}/bad.py, line 3)"
    assert "raise ValueError('no')" in error["traceback"]


def test_a_zip_that_is_none_and_one_without_dags(folder: Folder) -> None:
    (folder.dags / "broken.zip").write_text("this is no zip")
    pack(folder.dags / "data.zip", {"table.csv": "1,2", "tool.py": "print('nothing here')"})
    (error,) = folder.ask("dags", "errors", code=1)
    assert error["message"].startswith("BadZipFile: File is not a zip file (")
    assert error["message"].endswith("broken.zip)")
