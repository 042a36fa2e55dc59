"""Branches and short circuits, in whole runs."""

from __future__ import annotations

from typing import Any

import pytest

from bide import (
    DAG,
    BaseBranchOperator,
    BaseOperator,
    BranchPythonOperator,
    DownstreamTasksSkipped,
    EmptyOperator,
    ShortCircuitOperator,
    SkipMixin,
    TaskGroup,
    TaskSkipped,
    task,
)
from bide.testing import RunFailed, run_dag


def ran(dag: DAG, **options: Any) -> set[str]:
    """The tasks that succeeded; all others were skipped."""
    result = run_dag(dag, **options)
    states = {task_id: result[task_id].state for task_id in dag.task_ids}
    assert set(states.values()) <= {"success", "skipped"}
    return {task_id for task_id, state in states.items() if state == "success"}


def empty(*task_ids: str) -> list[EmptyOperator]:
    return [EmptyOperator(task_id=task_id) for task_id in task_ids]


@pytest.mark.parametrize(
    ("chosen", "followed"),
    [
        ("left", {"left"}),
        (["left", "right"], {"left", "right"}),
        (("right",), {"right"}),
        ([], set()),
        (None, set()),
    ],
)
def test_a_branch_follows_what_its_function_returns(chosen: Any, followed: set[str]) -> None:
    with DAG("d") as dag:
        pick = BranchPythonOperator(task_id="pick", python_callable=lambda: chosen)
        pick >> empty("left", "right") >> EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")
    assert ran(dag) == {"pick", *followed, *(["join"] if followed else [])}


def test_what_comes_after_a_followed_task_is_not_skipped_though_it_is_directly_downstream_too() -> None:
    with DAG("d") as dag:
        left, right = empty("left", "right")
        join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")
        pick = BranchPythonOperator(task_id="pick", python_callable=lambda: "left")
        pick >> [left, right, join]
        [left, right] >> join
    assert ran(dag) == {"pick", "left", "join"}


def test_a_branch_may_be_a_group_and_tasks_in_groups_have_their_full_ids() -> None:
    with DAG("d") as dag:

        @task.branch
        def pick(how: str):
            return how

        with TaskGroup("work") as work:
            first, second = empty("first", "second")
            first >> second
        pick("{{ params.how }}") >> [work, *empty("other")]
        dag.params["how"] = "work"
    assert ran(dag) == {"pick", "work.first", "work.second"}
    assert ran(dag, conf={"how": "work.first"}) == {"pick", "work.first", "work.second"}
    assert ran(dag, conf={"how": "other"}) == {"pick", "other"}


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("lefd", "chose the branch 'lefd'.*did you mean 'left'"),
        (["left", "nowhere"], "chose the branch 'nowhere'.*downstream are left"),
        (5, "chose 5; a branch is the id of a task or a group"),
        ([1], "a branch is the id"),
    ],
)
def test_a_branch_that_is_not_there_fails_the_task_at_once(chosen: Any, message: str) -> None:
    with DAG("d") as dag:

        @task.branch(retries=3)
        def pick():
            return chosen

        pick() >> empty("left")
    result = run_dag(dag, raise_on_failure=False)
    assert (result["pick"].state, result["pick"].tries) == ("failed", 1)
    with pytest.raises(RunFailed, match=message):
        result.raise_for_failure()


def test_the_choice_is_the_result_of_the_branch() -> None:
    with DAG("d") as dag:

        @task.branch
        def pick():
            return ["left"]

        pick() >> empty("left")
    assert run_dag(dag)["pick"].result == ["left"]


def test_an_operator_of_ones_own_chooses_from_the_context() -> None:
    class Weekday(BaseBranchOperator):
        def choose_branch(self, context: Any) -> str:
            return "weekend" if context["logical_date"].weekday() >= 5 else "weekday"

    with DAG("d") as dag:
        Weekday(task_id="pick") >> empty("weekday", "weekend")
    assert ran(dag, logical_date="2026-03-01") == {"pick", "weekend"}
    assert ran(dag, logical_date="2026-03-02") == {"pick", "weekday"}


@pytest.mark.parametrize(("ignores", "runs"), [(True, set()), (False, {"always"})])
def test_a_short_circuit_skips_what_is_downstream(ignores: bool, runs: set[str]) -> None:
    with DAG("d") as dag:
        stop = ShortCircuitOperator(
            task_id="stop", python_callable=lambda: 0, ignore_downstream_trigger_rules=ignores
        )
        stop >> EmptyOperator(task_id="next") >> EmptyOperator(task_id="always", trigger_rule="all_done")
        EmptyOperator(task_id="beside")
    assert ran(dag) == {"stop", "beside", *runs}


def test_a_short_circuit_goes_on_with_what_is_true() -> None:
    with DAG("d") as dag:

        @task.short_circuit
        def rows(found: int):
            return found

        @task
        def load(found: int) -> int:
            return found + 1

        load(rows(5))
    assert run_dag(dag)["load"].result == 6
    assert dag.get_task("rows").operator_name == "@task.short_circuit"


def test_an_operator_of_ones_own_skips_what_it_names() -> None:
    class Chooser(BaseOperator, SkipMixin):
        def execute(self, context: Any) -> str:
            self.skip(context["ti"], [self.dag.get_task("b"), "c"])
            return "said"

    class Raiser(BaseOperator):
        def execute(self, context: Any) -> None:
            raise DownstreamTasksSkipped(tasks=["e", ("f", -1)])

    with DAG("d") as dag:
        Chooser(task_id="choose") >> empty("a", "b", "c")
        Raiser(task_id="raise") >> empty("e", "f", "g")
    assert ran(dag) == {"choose", "a", "raise", "g"}
    assert run_dag(dag)["choose"].result == "said"


def test_a_branch_that_skips_itself_skips_all() -> None:
    with DAG("d") as dag:

        @task.branch
        def pick():
            raise TaskSkipped("not today")

        pick() >> empty("left", "right")
    assert ran(dag) == set()


def test_an_async_branch() -> None:
    with DAG("d") as dag:

        @task.branch
        async def pick():
            return "left"

        pick() >> empty("left", "right")
    assert ran(dag) == {"pick", "left"}
