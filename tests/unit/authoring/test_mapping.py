"""partial, expand and expand_kwargs as they are written, and what of it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bide import DAG, BaseOperator, TaskGroup, task, task_group
from bide.authoring.mapping import MappedOperator
from bide.authoring.serialize import serialize_dag
from bide.model.dag_spec import DagSpec
from bide.model.errors import InvalidArgument
from bide.model.map_spec import MapSpec, Source


class Copy(BaseOperator):
    """Has a field with a template, one without, and a required argument."""

    template_fields = ("source",)

    def __init__(self, *, source: str, target: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.target = target


@task
def numbers() -> list[int]:
    return [1, 2, 3]


@task
def add(x: int, y: int = 0) -> int:
    return x + y


@task
def needs_both(x: int, y: int, ti: Any = None) -> int:
    return x + y


@task
def total(values: list[int]) -> int:
    return sum(values)


def spec_of(dag: DAG) -> DagSpec:
    return serialize_dag(dag, file="/dags/d.py", folder="/dags")


def mapping_of(dag: DAG, task_id: str) -> MapSpec | None:
    (found,) = [one for one in spec_of(dag).tasks if one.task_id == task_id]
    return found.mapping


def test_what_the_engine_is_told() -> None:
    """Lengths of lists, ids of tasks; nothing of the values."""
    with DAG("d") as dag:
        made = numbers()
        add.partial(y=1).expand(x=[1, 2])
        add.override(task_id="product").expand(x=made, y={"a": 1, "b": 2, "c": 3})
        add.override(task_id="kwargs").expand_kwargs(made.map(lambda one: {"x": one}))
        add.override(task_id="zipped").expand(x=made.zip([1, 2], fillvalue=None).concat([7]))
    xcom = Source("xcom", task_id="numbers")
    assert mapping_of(dag, "add") == MapSpec((("x", Source("literal", length=2)),))
    assert mapping_of(dag, "product") == MapSpec((("x", xcom), ("y", Source("literal", length=3))))
    assert mapping_of(dag, "kwargs") == MapSpec((("", xcom),), of_dicts=True)
    zipped = Source("zip", parts=(xcom, Source("literal", length=2)), longest=True)
    assert mapping_of(dag, "zipped") == MapSpec(
        (("x", Source("concat", parts=(zipped, Source("literal", length=1)))),)
    )
    assert dag.get_task("zipped").upstream_task_ids == {"numbers"}


def test_equal_dags_give_equal_specs() -> None:
    def make() -> DAG:
        with DAG("d") as dag:
            total(add.expand(x=numbers()))
        return dag

    assert spec_of(make()) == spec_of(make())


def test_a_mapped_operator_has_what_all_instances_share() -> None:
    with DAG("d", default_args={"retries": 2, "target": "there"}) as dag:
        mapped = Copy.partial(task_id="copy", queue="large", pool_slots=2).expand(source=["a", "b"])
    assert isinstance(mapped, MappedOperator)
    assert (mapped.retries, mapped.queue, mapped.pool_slots) == (2, "large", 2)
    assert (mapped.task_type, mapped.operator_class) == ("Copy", Copy)
    (spec,) = spec_of(dag).tasks
    assert (spec.operator, spec.retries, spec.template_fields) == ("Copy", 2, ("source",))


def test_results_in_partial_come_before_it_and_are_sent_along() -> None:
    with DAG("d") as dag:
        first = numbers()
        second = numbers()
        add.partial(y=first).expand(x=second)
    (spec,) = [one for one in spec_of(dag).tasks if one.mapping]
    assert spec.upstream == ("numbers", "numbers__1")
    assert spec.reads == (("numbers", "return_value"),)


def test_results_of_mapped_tasks_are_not_sent_along() -> None:
    """There may be any number of them."""
    with DAG("d") as dag:
        total(add.expand(x=[1, 2]))
    assert [one.reads for one in spec_of(dag).tasks] == [(), ()]


def test_a_result_in_a_list_is_waited_for() -> None:
    with DAG("d") as dag:
        add.expand(x=[numbers(), 1])
    assert dag.get_task("add").upstream_task_ids == {"numbers"}
    assert mapping_of(dag, "add") == MapSpec((("x", Source("literal", length=2)),))


def test_a_partial_that_is_never_expanded_is_told_of() -> None:
    with (
        DAG("d"),
        pytest.warns(UserWarning, match=r"task 'copy' \(Copy\): partial\(\) without expand\(\) makes no task"),
    ):
        Copy.partial(task_id="copy")


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "nothing": (add.expand, "task 'add': expand() needs an argument to expand over"),
    "number": (lambda: add.expand(x=3), "task 'add': expand(x=): 3 (int) can't be expanded over"),
    "text": (lambda: add.expand(x="abc"), "expand(x=): 'abc' (str) can't be expanded over"),
    "set": (lambda: add.expand(x={1, 2}), "expand(x=): {1, 2} (set) can't be expanded over"),
    "generator": (
        lambda: add.expand(x=(one for one in [1])),
        "can't be expanded over; that takes a list, a dict or",
    ),
    "unknown argument": (lambda: add.expand(z=[1]), "got an unexpected keyword argument 'z'"),
    "unknown in partial": (lambda: add.partial(z=1), "got an unexpected keyword argument 'z'"),
    "missing argument": (lambda: needs_both.expand(x=[1]), "missing a required argument: 'y'"),
    "twice": (lambda: add.partial(x=1).expand(x=[1]), "task 'add': partial() and expand() both give 'x'"),
    "twice in dicts": (
        lambda: add.partial(y=1).expand_kwargs([{"x": 1, "y": 2}]),
        "task 'add': partial() and expand_kwargs() both give 'y'",
    ),
    "of the context": (lambda: needs_both.partial(y=1).expand(x=[1], ti=[1]), "expand() can't give 'ti'"),
    "one dict": (lambda: add.expand_kwargs({"x": 1}), "expand_kwargs() takes a list of dicts, not one dict"),
    "no dicts": (lambda: add.expand_kwargs([1]), "takes dicts with names of arguments as keys, not 1"),
    "numbers as keys": (lambda: add.expand_kwargs([{1: 1}]), "takes dicts with names of arguments as keys"),
    "unknown in a dict": (lambda: add.expand_kwargs([{"z": 1}]), "got an unexpected keyword argument 'z'"),
    "operator unknown": (
        lambda: Copy.partial(task_id="c").expand(sourze=["a"]),
        "task 'c' (Copy): expand(): unknown argument 'sourze'; did you mean 'source'?",
    ),
    "operator unknown in partial": (
        lambda: Copy.partial(task_id="c", tarket=1),
        "partial(): unknown argument 'tarket'",
    ),
    "operator missing": (
        lambda: Copy.partial(task_id="c").expand(target=["a"]),
        "task 'c' (Copy): the argument 'source' is missing",
    ),
    "operator without id": (lambda: Copy.partial(source="a"), "Copy.partial(): the argument 'task_id' is missing"),
    "operator twice": (
        lambda: Copy.partial(task_id="c", source="a").expand(source=["a"]),
        "partial() and expand() both give 'source'",
    ),
    "of the whole task": (
        lambda: Copy.partial(task_id="c", source="a").expand(retries=[1, 2]),
        "expand(): 'retries' can't be expanded over, since it is that of the whole task; give it to partial()",
    ),
    "id": (lambda: Copy.partial(task_id="c", source="a").expand(task_id=["a"]), "'task_id' can't be expanded over"),
    "map of a task": (lambda: numbers().map(add), "map() takes a plain function, not <@task add>"),
    "zip with a number": (lambda: numbers().zip(3), "zip(): 3 (int) can't be expanded over"),
    "zip of one": (lambda: numbers().zip(), "zip() needs at least one other sequence"),
    "too many": (
        lambda: spec_of(add.expand(x=range(1001), y=range(1000)).operator.dag),
        "1001 * 1000 = 1001000 instances; 1000000 are the most",
    ),
}


@pytest.mark.parametrize(("write", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_while_the_file_is_read(write: Callable[[], Any], message: str) -> None:
    with DAG("d"), pytest.raises(InvalidArgument) as caught:
        write()
    assert message in str(caught.value)


# --- groups


def test_a_mapped_group() -> None:
    @task_group
    def work(x: int, y: int) -> Any:
        return add.override(task_id="second")(add.override(task_id="first")(x, y))

    with DAG("d") as dag:
        total(work.partial(y=1).expand(x=numbers()))
    spec = spec_of(dag)
    (group,) = spec.groups
    assert group.mapping == MapSpec((("x", Source("xcom", task_id="numbers")),))
    tasks = {one.task_id: one for one in spec.tasks}
    assert tasks["work.first"].upstream == ("numbers",)
    assert tasks["work.second"].reads == (("work.first", "return_value"),)
    assert (tasks["total"].upstream, tasks["total"].reads) == (("work.second",), ())
    assert all(one.mapping is None for one in spec.tasks)


@task_group
def pair(x: int, y: int = 0) -> None:
    add(x, y)


@task_group
def expands(x: int) -> None:
    add.expand(x=[1, 2])


@task_group
def nested(x: int) -> None:
    pair.expand(x=[1, 2])


@task_group
def looks(x: Any) -> None:
    for one in x:
        add(one)


@task_group
def formats(x: Any) -> None:
    add(f"{x}")


REFUSED_GROUPS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "nothing": (pair.expand, InvalidArgument, "task group 'pair': expand() needs an argument"),
    "number": (lambda: pair.expand(x=1), InvalidArgument, "task group 'pair': expand(x=): 1 (int) can't be"),
    "unknown": (lambda: pair.expand(z=[1]), InvalidArgument, "got an unexpected keyword argument 'z'"),
    "missing": (lambda: pair.expand(y=[1]), InvalidArgument, "missing a required argument: 'x'"),
    "twice": (lambda: pair.partial(x=1).expand(x=[1]), InvalidArgument, "partial() and expand() both give 'x'"),
    "mapped task in it": (lambda: expands.expand(x=[1]), InvalidArgument, "it is in a mapped task group"),
    "mapped group in it": (lambda: nested.expand(x=[1]), InvalidArgument, "task group 'pair' can't be expanded"),
    "iterated": (lambda: looks.expand(x=[1]), TypeError, "'x' of the mapped task group 'looks' is not known"),
    "formatted": (lambda: formats.expand(x=[1]), TypeError, "so it can't be put into a string here"),
}


@pytest.mark.parametrize(("write", "kind", "message"), REFUSED_GROUPS.values(), ids=REFUSED_GROUPS)
def test_what_of_groups_is_refused(write: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with DAG("d"), pytest.raises(kind) as caught:
        write()
    assert message in str(caught.value)


def test_a_mapped_task_in_a_plain_group() -> None:
    with DAG("d") as dag, TaskGroup("g"):
        add.expand(x=[1, 2])
        Copy.partial(task_id="copy").expand(source=["a"])
    assert [one.task_id for one in spec_of(dag).tasks] == ["g.add", "g.copy"]
    assert all(one.mapping is not None for one in spec_of(dag).tasks)
