"""``@task.NAME`` of plugins and installed packages."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from bide import DAG, task
from bide.authoring import plugins, task_decorators
from bide.authoring.operator import BaseOperator
from bide.authoring.plugins import Plugin, Plugins
from bide.authoring.taskflow import (
    DecoratedOperator,
    PythonDecoratedOperator,
    TaskDecorator,
    task_decorator_factory,
)
from bide.model.errors import InvalidArgument
from bide.testing import run_dag


class Shouting(PythonDecoratedOperator):
    """Says it louder."""

    def execute(self, context: Any) -> Any:
        return super().execute(context).upper()


class Shouts(Plugin):
    """Brings one decorator."""

    name = "shouts"
    task_decorators = {"shout": TaskDecorator(Shouting)}


shouted = TaskDecorator(f"{__name__}:Shouting")


def said(decorator: Any) -> Any:
    with DAG("d") as dag:

        @decorator(retries=2)
        def speak(word: str) -> str:
            return f"{word}!"

        speak("hello")
    assert isinstance(dag.get_task("speak"), Shouting) and dag.get_task("speak").retries == 2
    return run_dag(dag)["speak"].result


def test_a_plugin_brings_a_decorator(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Plugins()
    loaded.take(Shouts)
    monkeypatch.setattr(plugins, "_loaded", loaded)
    assert said(task.shout) == "HELLO!"


def test_an_installed_package_brings_a_decorator(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("shout", f"{__name__}:shouted", task_decorators.GROUP)
    monkeypatch.setattr(task_decorators, "installed_decorators", lambda: {"shout": point})
    assert said(task.shout) == "HELLO!"


def test_a_provider_package_for_airflow_brings_a_decorator(tmp_path: Path) -> None:
    """As an installed package does: by its entry point, in a process of its own."""
    info = tmp_path / "apache_airflow_providers_fake-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: apache-airflow-providers-fake\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[apache_airflow_provider]\nprovider_info = fake_provider:info\n")
    (tmp_path / "fake_provider.py").write_text(
        "from bide.authoring.taskflow import DecoratedOperator, TaskDecorator\n"
        "def info():\n"
        "    return {'task-decorators': [{'name': 'fake', 'class-name': 'fake_provider.fake_task'}]}\n"
        "class Fake(DecoratedOperator):\n"
        "    def __init__(self, *, image, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        self.image = image\n"
        "def fake_task(python_callable=None, **kwargs):\n"
        "    made = TaskDecorator(Fake)\n"
        "    return made(python_callable) if python_callable is not None else made(**kwargs)\n"
    )
    code = (
        "from bide import DAG, task\n"
        "with DAG('d') as dag:\n"
        "    @task.fake(image='python')\n"
        "    def work(): ...\n"
        "    work()\n"
        "one = dag.get_task('work')\n"
        "print(type(one).__name__, one.image)\n"
        "try:\n"
        "    task.fakes\n"
        "except AttributeError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["Fake python", "there is no @task.fakes; did you mean 'fake'?"]


def test_a_decorator_that_nobody_brings_is_told_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"there is no @task\.brunch; did you mean 'branch'"):
        _ = task.brunch
    assert not hasattr(task, "__wrapped__")


class Counting(BaseOperator):
    """An operator that knows nothing of functions."""

    def __init__(self, *, start: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def execute(self, context):
        return self.start + 1


class CountingDecorated(DecoratedOperator, Counting):
    custom_operator_name = "@task.counting"

    def execute(self, context):
        self.start = self.python_callable(*self.op_args, **self.op_kwargs)
        return super().execute(context)


def counting(function=None, **kwargs):
    return task_decorator_factory(function, decorated_operator_class=CountingDecorated, **kwargs)


def test_a_decorator_of_an_operator_that_is_no_python_operator():
    with DAG("counts"):

        @counting(retries=2)
        def begin(at, by=1):
            return at * by

        result = begin(3, by=2)
    task = result.operator
    assert (task.task_id, task.retries, task.op_args, task.op_kwargs) == ("begin", 2, (3,), {"by": 2})
    assert task.execute({}) == 7
    assert task.get_python_source().splitlines() == ["def begin(at, by=1):", "    return at * by"]


def test_what_the_operator_beside_it_takes_comes_in_kwargs_to_upstream():
    class Shifted(CountingDecorated):
        def __init__(self, *, python_callable, **kwargs):
            super().__init__(python_callable=python_callable, kwargs_to_upstream={"start": 40}, **kwargs)

    task = Shifted(task_id="shifted", python_callable=lambda: 1)
    assert task.start == 40


def test_a_call_that_the_function_does_not_take_is_refused():
    def needs(at):
        return at

    with DAG("refused"), pytest.raises(InvalidArgument, match="can't be called like this"):
        counting(needs)()
