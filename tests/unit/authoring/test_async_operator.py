"""Which tasks are coroutines, and that they are awaited wherever they run."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from bide import DAG, BaseAsyncOperator, BaseOperator, Context, PythonOperator, PythonVirtualenvOperator, task
from bide.authoring.async_operator import runs_async
from bide.testing import RunFailed, run_dag


async def double(number: int = 1, ti: Any = None) -> int:
    return 2 * number


def nothing() -> None: ...


class Callable:
    async def __call__(self) -> None: ...


class Plain(BaseOperator):
    def execute(self, context: Context) -> None: ...


class Async(BaseOperator):
    def __init__(self, number: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    async def execute(self, context: Context) -> str:
        return f"run of {context['task'].task_id}"


class Written(BaseAsyncOperator):
    async def aexecute(self, context: Context) -> str:
        return f"run of {context['task'].task_id}"


def test_coroutines_are_known_wherever_they_are() -> None:
    with DAG("d") as dag:
        Async(task_id="execute")
        Written(task_id="aexecute")
        Async.partial(task_id="mapped_class").expand(number=[1, 2])
        PythonOperator(task_id="function", python_callable=double)
        PythonOperator(task_id="partial", python_callable=functools.partial(double, 2))
        PythonOperator(task_id="object", python_callable=Callable())
        PythonOperator.partial(task_id="mapped", python_callable=double).expand(op_args=[[1], [2]])
        task(task_id="decorated")(double)()
        task(task_id="mapped_decorated")(double).expand(number=[1, 2])
        Plain(task_id="plain")
        PythonOperator(task_id="plain_function", python_callable=nothing)
        PythonVirtualenvOperator(task_id="elsewhere", python_callable=nothing, requirements=[])
    assert {one.task_id for one in dag.tasks if not runs_async(one)} == {"plain", "plain_function", "elsewhere"}


@pytest.mark.parametrize("made", [Async, Written])
def test_operators_are_awaited(made: type[BaseOperator]) -> None:
    with DAG("d") as dag:
        made(task_id="one")
    assert run_dag(dag)["one"].result == "run of one"


def test_one_without_work_says_so() -> None:
    with DAG("d") as dag:
        BaseAsyncOperator(task_id="one")
    with pytest.raises(RunFailed, match=r"has no aexecute\(self, context\)"):
        run_dag(dag)
