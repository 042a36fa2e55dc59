"""``@task.NAME`` of plugins and installed packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from bide import DAG, task
from bide.authoring import plugins, task_decorators
from bide.authoring.plugins import Plugin, Plugins
from bide.authoring.taskflow import DecoratedOperator, TaskDecorator
from bide.testing import run_dag


class Shouting(DecoratedOperator):
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


def test_a_decorator_that_nobody_brings_is_told_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"there is no @task\.brunch; did you mean 'branch'"):
        _ = task.brunch
    assert not hasattr(task, "__wrapped__")
