"""The example's DAG, as the engine would have it, and its tasks one by one."""

import csv
import datetime as dt
import json
from pathlib import Path

import clock_changes
import daylight_saving
import pytest

from bide.authoring.serialize import serialize_dag


@pytest.fixture
def tasks():
    return daylight_saving.plan.operator.dag.task_dict


def call(tasks, task_id, *args, **kwargs):
    return tasks[task_id].python_callable(*args, **kwargs)


def test_the_dag_is_sound(examples):
    dag = daylight_saving.plan.operator.dag
    spec = serialize_dag(dag, file=str(examples / "daylight_saving.py"), folder=str(examples))
    upstream = {task.task_id: set(task.upstream) for task in spec.tasks}
    assert upstream["count_again"] == upstream["job_service"] == {"prepare"}
    assert upstream["wait_for_catalogue"] == {"prepare"}, "it learns of the file from the file alone"
    assert all("wait_for_catalogue" in upstream[task] for task in upstream if task.startswith("regions."))
    assert spec.params == {"output": "daylight_saving", "pause": 2}


def test_the_tasks_pass_the_data_on(tasks, tmp_path):
    plan = call(
        tasks, "prepare", params={"output": str(tmp_path), "pause": 0}, run_id="manual__2026-01-01T00:00:00"
    )
    assert dt.datetime.fromisoformat(plan["release_at"]) <= dt.datetime.now(dt.UTC)
    zones = call(tasks, "write_catalogue", plan["catalogue"])
    assert zones == len(clock_changes.zones())
    path = call(tasks, "regions.africa", clock_changes.AFRICA, plan["catalogue"], plan["work"])
    found = json.loads(Path(path).read_text())
    assert found["region"] == clock_changes.AFRICA
    counts = {name: sum(zone["changes"].values()) for name, zone in found["zones"].items()}
    assert call(tasks, "compare", [path], counts) == sum(counts.values())
    counts["Africa/Cairo"] += 1
    with pytest.raises(ValueError, match="differ for Africa/Cairo"):
        call(tasks, "compare", [path], counts)


def test_the_table_has_a_row_per_year_and_region(tasks, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="install the group `examples`; the README's first command has it")
    import daylight_picture as picture

    drawn = {}
    monkeypatch.setattr(picture, "draw", lambda observing, changes, **rest: drawn.update(rest, changes=changes))
    zone = {"changes": {"1916": 2, "1917": 1}, "daylight_saving": [1916]}
    paths = []
    for region in ("Europe", "Asia"):
        path = tmp_path / f"{region}.json"
        path.write_text(json.dumps({"region": region, "zones": {"A/B": zone, "A/C": zone}}))
        paths.append(str(path))
    results = call(tasks, "publish", paths, str(tmp_path))
    with Path(results["table"]).open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * (clock_changes.LAST_YEAR - clock_changes.FIRST_YEAR + 1)
    assert [row for row in rows if row["year"] == "1916" and row["region"] == "Asia"] == [
        {"year": "1916", "region": "Asia", "zones": "2", "zones_with_daylight_saving": "2", "clock_changes": "4"}
    ]
    assert drawn["changes"][6] == 8
    assert drawn["zones"] == 4
