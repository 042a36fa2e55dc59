"""Putting tasks in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bide.authoring.dag import DAG
from bide.authoring.dependencies import Label, chain, chain_linear, cross_downstream
from bide.authoring.operator import BaseOperator
from bide.model.errors import InvalidArgument


@pytest.fixture
def made() -> Iterator[DAG]:
    with DAG("d") as made:
        for name in "abcdef":
            BaseOperator(task_id=name)
        yield made


def edges(dag: DAG) -> set[str]:
    """All edges as ``ab``, checked to be the same from both ends."""
    down = {f"{task.task_id}{after}" for task in dag.tasks for after in task.downstream_task_ids}
    up = {f"{before}{task.task_id}" for task in dag.tasks for before in task.upstream_task_ids}
    assert down == up
    return down


def test_arrows(made: DAG) -> None:
    a, b, c, d, e, f = made.tasks
    result = a >> [b, c]
    assert result == [b, c]
    assert ([b, c] >> d) is d
    f << e << d
    assert edges(made) == {"ab", "ac", "bd", "cd", "de", "ef"}


def test_arrows_from_lists_backwards(made: DAG) -> None:
    a, b, c, *_ = made.tasks
    [b, c] << a
    assert edges(made) == {"ab", "ac"}


def test_b_after_a_is_a_before_b(made: DAG) -> None:
    a, b, c, d, *_ = made.tasks
    b << a
    c.set_upstream([a, b])
    c.set_downstream(d)
    assert edges(made) == {"ab", "ac", "bc", "cd"}


def test_an_edge_set_twice_is_one(made: DAG) -> None:
    a, b, *_ = made.tasks
    a >> b
    b << a
    assert edges(made) == {"ab"}


def test_chain_links_lists_pair_by_pair(made: DAG) -> None:
    a, b, c, d, e, f = made.tasks
    chain(a, [b, c], [d, e], f)
    assert edges(made) == {"ab", "ac", "bd", "ce", "df", "ef"}


def test_chain_refuses_lists_of_different_length(made: DAG) -> None:
    a, b, c, d, e, _ = made.tasks
    with pytest.raises(InvalidArgument, match="equally long, not 2 and 3"):
        chain([a, b], [c, d, e])


def test_chain_linear_links_each_with_each(made: DAG) -> None:
    a, b, c, d, e, f = made.tasks
    chain_linear(a, [b, c], [], [d, e], f)
    assert edges(made) == {"ab", "ac", "bd", "be", "cd", "ce", "df", "ef"}


def test_chain_linear_of_nothing_is_refused(made: DAG) -> None:
    with pytest.raises(InvalidArgument, match="at least two elements"):
        chain_linear([], [])


def test_cross_downstream(made: DAG) -> None:
    a, b, c, d, *_ = made.tasks
    cross_downstream([a, b], [c, d])
    assert edges(made) == {"ac", "ad", "bc", "bd"}


@pytest.mark.parametrize("wrong", ["b", 5, None, {"x": 1}])
def test_what_is_no_task_is_refused(made: DAG, wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="only tasks, task groups, results"):
        made.tasks[0] >> wrong


def test_tasks_of_two_dags_are_refused(made: DAG) -> None:
    with DAG("other"):
        stranger = BaseOperator(task_id="x")
    with pytest.raises(
        InvalidArgument, match="tasks of different DAGs can't be put in order: a, x are in 'd', 'other'"
    ):
        made.tasks[0] >> stranger


def test_a_task_without_a_dag_joins_that_of_its_neighbour() -> None:
    made = DAG("d")
    inside, lonely = BaseOperator(task_id="inside", dag=made), BaseOperator(task_id="lonely")
    lonely >> inside
    assert lonely.dag is made and made.task_ids == ["inside", "lonely"]


def test_two_tasks_without_a_dag_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="tasks 'x', 'y' are in no DAG yet"):
        BaseOperator(task_id="x") >> BaseOperator(task_id="y")


def test_labels_stand_on_edges(made: DAG) -> None:
    a, b, c, d, *_ = made.tasks
    a >> Label("if it rains") >> [b, c]
    d << Label("then") << c
    assert edges(made) == {"ab", "ac", "cd"}
    assert made.edge_labels == {("a", "b"): "if it rains", ("a", "c"): "if it rains", ("c", "d"): "then"}
