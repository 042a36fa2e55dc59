"""Where further tries run, as ``task_instance_mutation_hook`` has it."""

from __future__ import annotations

import sqlite3

from tests.support.commands import Folder

HOOK = """
def task_instance_mutation_hook(ti):
    if ti.try_number == 3:
        raise ValueError("no third one")
    if ti.try_number == 2 and ti.map_index != 0:
        assert ti.dag_run.run_id == ti.run_id
        ti.pool, ti.pool_slots, ti.priority_weight = "default_pool", 4, 70
"""
DAGS = """
from bide import DAG, task

with DAG("again"):
    @task(retries=2, retry_delay=0)
    def twice(number, ti=None):
        if ti.try_number < (3 if number == 2 else 2):
            raise ValueError("once more")

    twice.expand(number=[0, 1, 2])
"""


def test_a_hook_places_the_next_try(folder: Folder) -> None:
    (folder.path / "plugins").mkdir()
    (folder.path / "plugins" / "airflow_local_settings.py").write_text(HOOK)
    folder.dag("again", DAGS)
    run = folder.dag_run("again")
    assert run.state == "success"
    with sqlite3.connect(folder.store) as store:
        rows = store.execute(
            "SELECT map_index, pool_slots, priority_weight FROM task_instance ORDER BY 1"
        ).fetchall()
    store.close()
    assert rows == [(0, 1, 1), (1, 4, 70), (2, 4, 70)]
    log = next(path for path in folder.home.rglob("2.log") if "no third one" in path.read_text())
    assert "the next try runs where this one did: ValueError: no third one" in log.read_text()
