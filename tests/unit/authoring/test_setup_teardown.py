"""Setups and teardowns: how they are made, and how runs with them go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bide import DAG, EmptyOperator, TaskGroup, setup, task, teardown
from bide.authoring.serialize import serialize_dag
from bide.model.errors import InvalidArgument
from bide.testing import run_dag


def order(dag: DAG) -> set[str]:
    return {f"{task.task_id}>{after}" for task in dag.tasks for after in task.downstream_task_ids}


def fails() -> None:
    raise ValueError("broken")


def works() -> None: ...


def step(name: str, broken: bool = False, **options: Any) -> Any:
    """A task that fails if it is broken."""
    return task(task_id=name, **options)(fails if broken else works)()


def test_a_teardown_names_its_setups() -> None:
    with DAG("d") as dag:
        up, work, down = step("up"), step("work"), step("down")
        up >> work >> down.as_teardown(setups=up)
    assert order(dag) == {"up>work", "work>down", "up>down"}
    assert dag.get_task("up").is_setup and dag.get_task("down").is_teardown
    assert dag.get_task("down").trigger_rule == "all_done_setup_success"
    spec = {one.task_id: one for one in serialize_dag(dag, file="f.py", folder=".").tasks}
    assert spec["up"].is_setup and spec["down"].is_teardown and not spec["work"].is_setup


def test_decorators() -> None:
    with DAG("d") as dag:

        @setup
        def up(): ...

        @teardown(on_failure_fail_dagrun=True)
        @task(retries=2)
        def down(): ...

        @teardown
        def other(): ...

        up() >> [down(), other.override(task_id="another")()]
    assert dag.get_task("up").is_setup
    found = dag.get_task("down")
    assert found.is_teardown and found.on_failure_fail_dagrun and found.retries == 2
    assert dag.get_task("another").is_teardown and not dag.get_task("another").on_failure_fail_dagrun


def test_tasks_in_a_with_lie_between() -> None:
    with DAG("d") as dag:
        up = step("up")
        with step("down").as_teardown(setups=up):
            step("a") >> [step("b"), step("c")]
            step("alone")
    assert order(dag) == {"up>down", "up>a", "a>b", "a>c", "b>down", "c>down", "up>alone", "alone>down"}


def test_withs_in_each_other() -> None:
    with DAG("d") as dag:
        outside = EmptyOperator(task_id="outside")
        with EmptyOperator(task_id="down").as_teardown(setups=EmptyOperator(task_id="up")) as scope:
            scope.add_task(outside)
            with EmptyOperator(task_id="down2").as_teardown(setups=EmptyOperator(task_id="up2")):
                EmptyOperator(task_id="work")
    assert order(dag) == {
        *("up>down", "up>outside", "outside>down"),
        *("up>up2", "up2>work", "work>down2", "up2>down2", "down2>down"),
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: step("a").as_setup().as_teardown(), "task 'a' is a setup; it can't be a teardown too"),
        (lambda: step("a").as_teardown().as_setup(), "task 'a' is a teardown; it can't be a setup too"),
        (lambda: step("a", trigger_rule="all_done").as_teardown(), "a trigger rule of its own, not 'all_done'"),
        (lambda: step("a").__enter__(), "task 'a' is no setup or teardown"),
    ],
)
def test_what_can_not_be_is_refused(make: Callable[[], Any], message: str) -> None:
    with DAG("d"), pytest.raises(InvalidArgument, match=message):
        make()


def test_after_a_setup_comes_what_waits_for_its_success() -> None:
    with DAG("d") as dag:
        step("up").as_setup() >> step("work", trigger_rule="all_done")
    with pytest.raises(InvalidArgument, match="task 'work': right after the setup 'up' the trigger rule has to be"):
        serialize_dag(dag, file="f.py", folder=".")


def test_a_group_is_no_setup() -> None:
    from bide import task_group

    with pytest.raises(InvalidArgument, match="not on a task group"):

        @setup
        @task_group
        def group(): ...


def test_what_comes_after_a_group_does_not_wait_for_its_teardown() -> None:
    with DAG("d") as dag:
        with TaskGroup("g") as group:
            up, a, b = step("up"), step("a"), step("b")
            up >> a >> b >> step("down").as_teardown(setups=up)
        group >> step("after")
    assert dag.get_task("after").upstream_task_ids == {"g.b"}


# --- runs


def states(*broken: str, rule: str = "all_success", fail_dagrun: bool = False) -> dict[str, str]:
    """up >> work >> more >> down, where some are broken; with the run's own state."""
    with DAG("d") as dag:
        up, down = step("up", "up" in broken), step("down", "down" in broken)
        with down.as_teardown(setups=up, on_failure_fail_dagrun=fail_dagrun):
            step("work", "work" in broken) >> step("more", "more" in broken, trigger_rule=rule)
    result = run_dag(dag, raise_on_failure=False)
    return {**result.states, "": result.state}


S, F, U, K = "success", "failed", "upstream_failed", "skipped"


@pytest.mark.parametrize(
    ("broken", "options", "expected"),
    [
        ((), {}, (S, S, S, S, S)),
        (("work",), {}, (S, F, U, S, F)),
        (("more",), {}, (S, S, F, S, F)),
        (("up",), {}, (F, U, U, U, F)),
        (("down",), {}, (S, S, S, F, S)),
        (("down",), {"fail_dagrun": True}, (S, S, S, F, F)),
        (("work", "down"), {}, (S, F, U, F, F)),
        # Without its setup nothing runs, however it is reached.
        (("up",), {"rule": "all_done"}, (F, U, U, U, F)),
        (("work",), {"rule": "all_done"}, (S, F, S, S, S)),
    ],
)
def test_a_run(broken: tuple[str, ...], options: dict[str, Any], expected: tuple[str, ...]) -> None:
    found = states(*broken, **options)
    assert tuple(found[name] for name in ("up", "work", "more", "down", "")) == expected


def test_a_teardown_whose_setups_were_skipped_is_skipped() -> None:
    with DAG("d") as dag:

        @task.short_circuit(ignore_downstream_trigger_rules=False)
        def stop():
            return False

        up = step("up")
        stop() >> up
        with step("down").as_teardown(setups=up):
            step("work")
    assert run_dag(dag).states == {"stop": S, "up": K, "work": K, "down": K}


def test_a_short_circuit_and_a_branch_leave_the_teardown_to_its_rule() -> None:
    with DAG("d") as dag:
        up, down = step("up"), step("down")

        @task.short_circuit
        def stop():
            return False

        @task.branch
        def pick():
            return None

        with down.as_teardown(setups=up):
            stop() >> step("work")
            pick() >> [step("left"), down]
    found = run_dag(dag).states
    assert (found["work"], found["left"], found["down"]) == (K, K, S)


def test_one_of_several_setups_is_enough_for_the_teardown() -> None:
    with DAG("d") as dag:
        ups = [step("good"), step("bad", broken=True)]
        with step("down").as_teardown(setups=ups):
            step("work")
    found = run_dag(dag, raise_on_failure=False).states
    assert found == {"good": S, "bad": F, "work": U, "down": S}


def test_a_run_of_nothing_but_teardowns_ends_as_they_do() -> None:
    with DAG("d") as dag:
        step("down", broken=True).as_teardown()
    assert run_dag(dag, raise_on_failure=False).state == "failed"
