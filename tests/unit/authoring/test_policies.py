"""Policies of local settings and plugins, as DAG files meet them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bide.authoring import plugins
from bide.authoring.loading import LoadedFile, load_file
from bide.authoring.policies import instance_of
from bide.authoring.serialize import serialize_dag
from bide.model.dag_spec import TaskSpec

DAGS = """
from bide import DAG, BaseOperator

with DAG("first", tags=["team_a"]):
    BaseOperator(task_id="a", queue="default")
    BaseOperator(task_id="b", pool="big") >> BaseOperator(task_id="c")

with DAG("second"):
    BaseOperator(task_id="a")
"""


class Folder:
    """A DAG folder and a plugin folder."""

    def __init__(self, root: Path) -> None:
        self.plugins, self.dags = root / "plugins", root / "dags"
        self.plugins.mkdir()
        self.dags.mkdir()
        (self.dags / "pair.py").write_text(DAGS)

    def settings(self, text: str, name: str = "bide_local_settings") -> None:
        (self.plugins / f"{name}.py").write_text(text)

    def load(self) -> LoadedFile:
        return load_file(str(self.dags / "pair.py"), str(self.dags))

    def tasks(self, dag_id: str = "first") -> dict[str, TaskSpec]:
        loaded = self.load()
        assert loaded.errors == []
        spec = serialize_dag(loaded.dags[dag_id], file=loaded.path, folder=loaded.folder)
        return {task.task_id: task for task in spec.tasks}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    made = Folder(tmp_path)
    monkeypatch.setenv("BIDE__CORE__PLUGINS_FOLDER", str(made.plugins))
    monkeypatch.setattr(plugins, "_loaded", None)
    path, modules = list(sys.path), set(sys.modules)
    yield made
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_policies_change_dags_and_tasks(folder: Folder) -> None:
    folder.settings(
        "def dag_policy(dag):\n    dag.max_active_runs = 1\n"
        "def task_policy(task):\n    task.retries = max(task.retries, 2)\n    task.owner = 'ops'\n"
    )
    assert {(task.retries, task.owner) for task in folder.tasks().values()} == {(2, "ops")}
    assert folder.load().dags["second"].max_active_runs == 1


def test_what_is_not_allowed_is_an_error_of_its_dag(folder: Folder) -> None:
    folder.settings(
        "from airflow.exceptions import AirflowClusterPolicyViolation\n"
        "def dag_policy(dag):\n"
        "    if not dag.tags:\n        raise AirflowClusterPolicyViolation(f'{dag.dag_id} has no tags')\n",
        "airflow_local_settings",
    )
    loaded = folder.load()
    assert list(loaded.dags) == ["first"]
    (error,) = loaded.errors
    assert error.dag_id == "second"
    assert error.message.startswith("PolicyViolation: DAG 'second': second has no tags (")


def test_a_dag_may_be_left_out(folder: Folder) -> None:
    folder.settings(
        "from bide.model.errors import PolicySkipDag\n"
        "def dag_policy(dag):\n    if dag.dag_id == 'second':\n        raise PolicySkipDag\n"
    )
    loaded = folder.load()
    assert (list(loaded.dags), loaded.errors) == (["first"], [])


def test_instances_get_what_the_hook_says(folder: Folder) -> None:
    folder.settings(
        "def task_instance_mutation_hook(ti):\n"
        "    if ti.pool == 'big':\n        ti.queue, ti.pool_slots = 'large', 2\n"
        "    if ti.task_id == 'a':\n        ti.priority_weight += 100\n"
        "    assert (ti.run_id, ti.map_index, ti.try_number) == (None, -1, 1)\n"
    )
    tasks = folder.tasks()
    assert (tasks["b"].queue, tasks["b"].pool, tasks["b"].pool_slots) == ("large", "big", 2)
    assert {name: task.priority_weight for name, task in tasks.items()} == {"a": 101, "b": 2, "c": 1}
    assert tasks["a"].queue == tasks["c"].queue == "default"


def test_the_hook_places_further_tries_anew(folder: Folder) -> None:
    folder.settings(
        "def task_instance_mutation_hook(ti):\n"
        "    ti.queue = f'{ti.queue}-{ti.try_number}'\n"
        "    if ti.run_id == 'r':\n        ti.pool_slots = ti.try_number\n"
    )
    task = folder.load().dags["first"].get_task("a")
    assert (task.queue, task.pool_slots, task.placed) == ("default-1", 1, ("default", "default_pool", 1, 1))
    policies = plugins.load_plugins().policies
    assert policies is not None
    coming = instance_of(task, 5, run_id="r", try_number=3)
    assert policies.placement_of(coming) == ("default-3", "default_pool", 3, 1)


def test_plugins_bring_policies_too(folder: Folder) -> None:
    folder.settings(
        "from bide.authoring.plugins import Plugin\n"
        "class Rules:\n    @staticmethod\n    def task_policy(task):\n        task.queue = 'theirs'\n"
        "class Ours(Plugin):\n    name = 'ours'\n    policies = [Rules]\n",
        "ours",
    )
    assert {task.queue for task in folder.tasks().values()} == {"theirs"}


def test_a_policy_that_breaks_is_shown_with_its_traceback(folder: Folder) -> None:
    folder.settings("def task_policy(task):\n    return task.nothing_like_it\n")
    loaded = folder.load()
    assert loaded.dags == {}
    assert {error.dag_id for error in loaded.errors} == {"first", "second"}
    assert "nothing_like_it" in loaded.errors[0].message
    assert "in task_policy" in loaded.errors[0].traceback


def test_without_its_policies_nothing_runs(folder: Folder) -> None:
    folder.settings("import no_such_module\n")
    loaded = folder.load()
    assert loaded.dags == {}
    assert "the policies can't be loaded, so that nothing may run: bide_local_settings" in loaded.errors[0].message
    assert "no_such_module" in loaded.errors[0].message


def test_a_wrong_value_of_a_policy_names_the_task(folder: Folder) -> None:
    folder.settings("def task_instance_mutation_hook(ti):\n    ti.pool_slots = 0\n")
    assert "task 'a': pool_slots must be 1 or more, not 0" in folder.load().errors[0].message


def test_changed_policies_are_seen_by_whoever_looks_for_changes(folder: Folder) -> None:
    folder.settings("def task_policy(task): ...\n")
    assert str(folder.plugins / "bide_local_settings.py") in folder.load().inputs


def test_pods_pass_the_hook_of_local_settings(folder: Folder) -> None:
    from bide.standard.local_settings import pod_mutation_hook

    folder.settings("def pod_mutation_hook(pod):\n    pod['labels'] = {'team': 'data'}\n", "airflow_local_settings")
    pod: dict[str, object] = {}
    pod_mutation_hook(pod)
    assert pod == {"labels": {"team": "data"}}


def test_pods_stay_as_they_are_without_a_hook(folder: Folder) -> None:
    from bide.standard.local_settings import pod_mutation_hook

    pod: dict[str, object] = {}
    pod_mutation_hook(pod)
    assert pod == {}
