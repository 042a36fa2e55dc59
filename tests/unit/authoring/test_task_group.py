"""Task groups."""

from __future__ import annotations

import pytest

from bide.authoring.dag import DAG
from bide.authoring.group import TaskGroup, task_group
from bide.authoring.operator import BaseOperator
from bide.authoring.taskflow import task
from bide.model.errors import AuthoringError, DuplicateId


def test_ids_get_the_prefix_of_all_groups_around() -> None:
    with DAG("d") as made:
        with TaskGroup("outer", tooltip="out") as outer:
            BaseOperator(task_id="a")
            with TaskGroup("inner") as inner:
                BaseOperator(task_id="b")
            with TaskGroup("flat", prefix_group_id=False) as flat:
                BaseOperator(task_id="c")
        BaseOperator(task_id="e")
    assert made.task_ids == ["outer.a", "outer.inner.b", "c", "e"]
    assert (outer.group_id, inner.group_id, flat.group_id) == ("outer", "outer.inner", "outer.flat")
    assert made.get_task("outer.inner.b").label == "b"
    assert made.get_task("outer.inner.b").task_group is inner
    assert [group.group_id for group in made.task_group.iter_groups()] == ["outer", "outer.inner", "outer.flat"]
    assert inner.parent_group is outer and outer.parent_group is made.task_group and made.task_group.is_root
    assert outer.get_child_by_label("a") is made.get_task("outer.a")
    assert outer.has_task(made.get_task("outer.inner.b")) and not inner.has_task(made.get_task("outer.a"))


def test_a_group_in_an_order_stands_for_its_ends() -> None:
    with DAG("d") as made:
        start, end = BaseOperator(task_id="start"), BaseOperator(task_id="end")
        with TaskGroup("g") as group:
            a, b, c = (BaseOperator(task_id=name) for name in "abc")
            a >> b
        start >> group >> end
    assert start.downstream_task_ids == {"g.a", "g.c"}
    assert end.upstream_task_ids == {"g.b", "g.c"}
    assert group.roots == [a, c] and group.leaves == [b, c]
    assert group.upstream_task_ids == {"start"} and group.downstream_task_ids == {"end"}
    made.test_cycle()


def test_groups_in_an_order_with_groups_and_lists() -> None:
    with DAG("d"):
        groups = []
        for name in ("one", "two", "three"):
            with TaskGroup(name) as group:
                BaseOperator(task_id="t")
            groups.append(group)
        one, two, three = groups
        one >> [two, three]
    assert one.downstream_task_ids == {"two.t", "three.t"}


def test_one_id_for_two_groups_or_a_group_and_a_task_is_refused() -> None:
    with DAG("d"):
        TaskGroup("g")
        with pytest.raises(DuplicateId, match="DAG 'd' has task group 'g' already"):
            TaskGroup("g")
        with pytest.raises(DuplicateId, match="DAG 'd' has task group 'g' already"):
            BaseOperator(task_id="g")
        BaseOperator(task_id="t")
        with pytest.raises(DuplicateId, match="DAG 'd' has a task 't' already"):
            TaskGroup("t")


def test_a_suffix_on_collision() -> None:
    with DAG("d"):
        ids = [TaskGroup("g", add_suffix_on_collision=True).group_id for _ in range(3)]
    assert ids == ["g", "g__1", "g__2"]


def test_a_group_needs_a_dag() -> None:
    with pytest.raises(AuthoringError, match="task group 'g' is in no DAG"):
        TaskGroup("g")


def test_a_group_given_a_dag_outside_of_it() -> None:
    made = DAG("d")
    with TaskGroup("g", dag=made):
        inside = BaseOperator(task_id="t")
        also = BaseOperator(task_id="u", dag=made)
    assert inside.dag is made and made.task_ids == ["g.t", "g.u"]
    assert also.task_group is inside.task_group


def test_a_group_of_another_dag_is_refused() -> None:
    with DAG("one"):
        group = TaskGroup("g")
    with pytest.raises(AuthoringError, match="parent_group is in another DAG"):
        TaskGroup("h", parent_group=group, dag=DAG("two"))


def test_task_group_of_a_task_given_as_an_argument() -> None:
    with DAG("d") as made:
        group = TaskGroup("g")
        inside = BaseOperator(task_id="t", task_group=group)
    assert inside.task_id == "g.t" and made.task_ids == ["g.t"]


def test_add_moves_a_task() -> None:
    with DAG("d") as made:
        moved = BaseOperator(task_id="t")
        group = TaskGroup("g")
        group.add(moved)
        lonely = DAG("other")
        del lonely
    assert list(group) == [moved] and moved.task_group is group
    assert moved.task_id == "t" and "t" not in made.task_group.children


def test_the_decorator_makes_a_group_per_call() -> None:
    with DAG("d") as made:

        @task
        def read(name: str) -> str:
            return name

        @task_group
        def fetch(name: str):
            """Fetch one."""
            return read(name)

        @task_group(group_id="named", prefix_group_id=False)
        def other():
            read("x")

        first = fetch("a")
        second = fetch("b")
        whole = other()
        renamed = fetch.override(group_id="renamed")("c")

    assert first.operator.task_id == "fetch.read" and second.operator.task_id == "fetch__1.read"
    assert isinstance(whole, TaskGroup) and whole.group_id == "named"
    assert renamed.operator.task_id == "renamed.read"
    assert made.task_ids == ["fetch.read", "fetch__1.read", "read", "renamed.read"]
    assert [group.tooltip for group in made.task_group.iter_groups()] == [
        "Fetch one.",
        "Fetch one.",
        "",
        "Fetch one.",
    ]
