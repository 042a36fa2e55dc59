"""Texts that a database or a message can't take: halves of surrogate pairs, and NUL."""

from __future__ import annotations

from tests.support.commands import Folder

DAGS = r"""
from bide import DAG, Variable, task

with DAG("odd"):
    @task
    def prints():
        print("half \ud800 and \x00")
        return "half \ud800"

    @task
    def raises():
        raise ValueError("half \ud800 and \x00")

    @task
    def pushes(ti=None):
        ti.xcom_push("nul \x00", 1)

    @task
    def sets():
        Variable.set("name", "half \ud800")

    @task(map_index_template="{{ task.op_kwargs['text'] }}")
    def named(text):
        return text

    prints(), raises(), pushes(), sets()
    named.expand(text=["half \ud800", "nul \x00"])
"""


def test_they_fail_what_they_have_to_and_nothing_else(folder: Folder) -> None:
    folder.dag("odd", DAGS)
    run = folder.dag_run("odd", code=1)
    states = {name: task["state"] for name, task in run.tasks.items()}
    assert states["prints"] == "success"
    assert run.result("prints") == r"half \ud800"
    assert r"half \ud800 and" in run.log("prints")
    shown = folder.ask("tasks", "list", "odd")
    errors = {row["task_id"]: row["error"] for row in shown if row["state"] == "failed"}
    assert errors.keys() == {"raises", "pushes", "sets"}
    assert errors["raises"] == r"ValueError: half \ud800 and \x00"
    assert errors["pushes"].endswith(r"must be text that can be stored, not 'nul \x00'")
    assert "a text in a SetVariable message can't be sent" in errors["sets"]
    assert {row["name"] for row in shown if row["task_id"] == "named"} == {r"half \ud800", r"nul \x00"}
