"""``sla=`` and deadlines with real processes: the task goes on only when their callback was called."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import Folder

DAGS = """
from datetime import timedelta
from pathlib import Path

from airflow import DAG
from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference
from airflow.sensors.filesystem import FileSensor

HERE = Path(__file__).parent
SOON = timedelta(seconds=0.3)


def missed(dag, task_list, blocking_task_list, slas, blocking_tis):
    print("told of", task_list)
    (HERE / "sla").write_text(f"{dag.dag_id} {slas[0].task_id} {blocking_tis[0].task_id}")


async def late(text, context):
    (HERE / "deadline").write_text(f"{text} {context['deadline']['alert_name']}")


with DAG("with_sla", sla_miss_callback=missed):
    FileSensor(
        task_id="patient", filepath=str(HERE / "sla"), poke_interval=0.1, timeout=60, deferrable=True, sla=SOON
    )

with DAG(
    "with_deadline",
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=SOON,
        callback=AsyncCallback(late, kwargs={"text": "{{ dag_run.dag_id }}"}),
        name="soon",
    ),
):
    FileSensor(
        task_id="patient", filepath=str(HERE / "deadline"), poke_interval=0.1, timeout=60, deferrable=True
    )
"""


@pytest.mark.parametrize(
    ("kind", "said", "task_id", "name"),
    [
        ("sla", "with_sla patient patient", "patient", None),
        ("deadline", "with_deadline soon", None, "soon"),
    ],
)
def test_a_miss_is_told_while_the_task_waits(
    folder: Folder, kind: str, said: str, task_id: str | None, name: str | None
) -> None:
    folder.dag("late", DAGS)
    run = folder.dag_run(f"with_{kind}")
    assert run.end("patient") == "success"
    assert (folder.path / "dags" / kind).read_text() == said
    (row,) = json.loads(folder.run("runs", "deadlines", "--missed", "-o", "json").stdout)
    assert (row["dag_id"], row["task_id"], row["name"], row["callback"]) == (f"with_{kind}", task_id, name, None)
    assert row["missed_at"] >= row["due_at"]
    assert json.loads(folder.run("runs", "deadlines", "--to-come", "-o", "json").stdout) == []
    if kind == "sla":
        (log,) = folder.home.rglob("*.log.sla_miss")
        assert "told of patient on " in log.read_text()
