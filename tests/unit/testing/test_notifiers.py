"""Notifiers as callbacks of tasks and DAGs."""

from __future__ import annotations

from typing import Any

import pytest

from bide import DAG, BaseNotifier, TaskSkipped, task
from bide.model.errors import InvalidArgument
from bide.testing import run_dag

told: list[str] = []


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    told.clear()


class Tells(BaseNotifier):
    """Tells what its template comes to."""

    template_fields = ("message",)

    def __init__(self, message: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message

    def notify(self, context: Any) -> None:
        self.log.info("telling %s", self.message)
        told.append(self.message)


class TellsLater(Tells):
    """The same in an event loop, by ``async_notify``."""

    notify = BaseNotifier.notify

    async def async_notify(self, context: Any) -> None:
        told.append(f"later: {self.message}")


class TellsAwaiting(Tells):
    """The same by a ``notify`` that is async."""

    async def notify(self, context: Any) -> None:  # type: ignore[override]
        told.append(f"awaited: {self.message}")


TEXT = "{{ ti.task_id }} {{ params.who }}"


def test_templates_are_filled_in_for_each_call() -> None:
    notifier = Tells(TEXT)
    with DAG("d", params={"who": "ada"}) as dag:
        for name in ("a", "b"):

            @task(task_id=name, on_success_callback=notifier)
            def works() -> None: ...

            works()
    result = run_dag(dag)
    assert sorted(told) == ["a ada", "b ada"]
    assert notifier.message == TEXT
    assert "telling a ada" in result["a"].log


@pytest.mark.parametrize(("kind", "word"), [(TellsLater, "later"), (TellsAwaiting, "awaited")])
def test_async_notifiers_are_awaited(kind: type[Tells], word: str) -> None:
    with DAG("d", params={"who": "bob"}) as dag:

        @task(on_success_callback=[Tells("first"), kind(TEXT)])
        def works() -> None: ...

        works()
    run_dag(dag, raise_on_failure=False)
    assert told == ["first", f"{word}: works bob"]


def test_each_ending_calls_its_own() -> None:
    endings = ("success", "failure", "retry", "skipped")
    calls: dict[str, Any] = {f"on_{ending}_callback": Tells(ending) for ending in endings}
    with DAG("d", on_failure_callback=Tells("{{ dag.dag_id }} failed")) as dag:

        @task(retries=1, retry_delay=1, **calls)
        def fails() -> None:
            raise ValueError

        @task(**calls)
        def skips() -> None:
            raise TaskSkipped

        fails()
        skips()
    run_dag(dag, raise_on_failure=False)
    assert sorted(told) == ["d failed", "failure", "retry", "skipped"]


def test_a_template_that_can_not_be_rendered_is_in_the_log() -> None:
    with DAG("d") as dag:

        @task(on_success_callback=[Tells("{{ nothing.there }}"), Tells("second")])
        def works() -> None: ...

        works()
    result = run_dag(dag)
    assert result.state == "success"
    assert told == ["second"]
    assert "on_success_callback Tells failed: UndefinedError" in result["works"].log


def test_what_is_no_argument_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="Tells: unknown argument 'colour'"):
        Tells("x", colour="red")
    with pytest.raises(InvalidArgument, match="called with the context"):
        Tells("x")(1, 2)


def test_fields_that_are_filled_in_late_are_rendered_too() -> None:
    class FillsIn(Tells):
        def notify(self, context: Any) -> None:
            self.message = "{{ dag.dag_id }} has ended"
            env = self.get_template_env(dag=context.get("dag"))
            self._do_render_template_fields(self, ["message"], context, env, set())
            super().notify(context)

    with DAG("d") as dag:

        @task(on_success_callback=FillsIn(""))
        def work() -> None: ...

        work()
    run_dag(dag)
    assert told == ["d has ended"]
