"""What ``sla=`` and ``deadline=`` may be."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bide.authoring.dag import DAG
from bide.authoring.deadlines import (
    AsyncCallback,
    BaseDeadlineReference,
    DeadlineAlert,
    DeadlineReference,
    SyncCallback,
    VariableInterval,
    deadline_reference,
)
from bide.authoring.scope import collecting
from bide.authoring.serialize import serialize_dag
from bide.model.dag_spec import DagSpec, decode_spec, encode_spec
from bide.model.deadlines import DeadlineSpec
from bide.model.errors import BideError
from bide.standard.operators.empty import EmptyOperator

HOUR = dt.timedelta(hours=1)


def late(**kwargs: Any) -> None: ...


def spec(**options: Any) -> DagSpec:
    with DAG("d", **options) as dag:
        EmptyOperator(task_id="a", sla=2 * HOUR)
        EmptyOperator(task_id="b")
    stored = serialize_dag(dag, file="/dags/d.py", folder="/dags")
    assert decode_spec(encode_spec(stored)) == stored
    return stored


def test_what_the_engine_knows_of_an_sla(monkeypatch: pytest.MonkeyPatch) -> None:
    found = spec(sla_miss_callback=late)
    assert [task.sla for task in found.tasks] == [7200.0, None]
    assert (found.callbacks, found.sla_since) == (("sla_miss",), "run_after")
    monkeypatch.setenv("AIRFLOW__CORE__CHECK_SLAS", "False")
    monkeypatch.setenv("BIDE__SCHEDULER__SLA_SINCE", "logical_date")
    found = spec(default_args={"sla": HOUR})
    assert [task.sla for task in found.tasks] == [None, None]
    assert (found.callbacks, found.sla_since) == ((), "logical_date")


def test_default_args_give_an_sla_to_all() -> None:
    assert [task.sla for task in spec(default_args={"sla": HOUR}).tasks] == [7200.0, 3600.0]


def test_what_the_engine_knows_of_deadlines() -> None:
    callback = AsyncCallback("my.module.alert")
    found = spec(
        deadline=[
            DeadlineAlert(DeadlineReference.DAGRUN_LOGICAL_DATE, HOUR, callback, name="soon"),
            DeadlineAlert(DeadlineReference.FIXED_DATETIME(dt.datetime(2026, 1, 1)), -HOUR, callback),
            DeadlineAlert(DeadlineReference.AVERAGE_RUNTIME(max_runs=5, min_runs=2), HOUR, callback),
            DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, VariableInterval("patience"), callback),
            DeadlineAlert(BaseDeadlineReference(), -HOUR, callback),
        ]
    )
    assert found.deadlines[:3] == (
        DeadlineSpec("logical_date", 3600.0, "soon"),
        DeadlineSpec("fixed", -3600.0, at="2026-01-01T00:00:00+00:00"),
        DeadlineSpec("average_runtime", 3600.0, max_runs=5, min_runs=2),
    )
    assert found.deadlines[3:] == (
        DeadlineSpec("queued_at", 0.0, is_computed=True),
        DeadlineSpec("custom", -3600.0, is_computed=True),
    )


def test_the_guides_dags_can_be_stored() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "deadlines.md").read_text(encoding="utf-8")
    with collecting() as made:
        for block in re.findall(r"```python\n(.*?)```", guide, re.DOTALL):
            exec(block, {"__name__": "guide"})
    orders, report = (serialize_dag(dag, file="/dags/d.py", folder="/dags") for dag in made)
    assert (orders.tasks[0].sla, orders.callbacks) == (7200.0, ("sla_miss",))
    assert report.deadlines == (DeadlineSpec("queued_at", 1800.0, "on the desk at eight"),)


def test_references_of_ones_own_by_name() -> None:
    @deadline_reference
    class Plain(BaseDeadlineReference): ...

    @deadline_reference()
    class WithArguments(BaseDeadlineReference):
        def __init__(self, days: int) -> None:
            self.days = days

    known: Any = DeadlineReference
    assert isinstance(known.Plain, Plain)
    assert known.WithArguments(3).days == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DeadlineAlert("now", HOUR, SyncCallback(late)), "one of DeadlineReference, not 'now'"),  # type: ignore[arg-type]
        (
            lambda: DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, 5, SyncCallback(late)),  # type: ignore[arg-type]
            "must be a timedelta or a VariableInterval, not 5",
        ),
        (
            lambda: DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, HOUR, late),  # type: ignore[arg-type]
            "AsyncCallback or a SyncCallback",
        ),
        (lambda: SyncCallback("late"), "its path like 'my_module.alert', not 'late'"),
        (lambda: AsyncCallback(3), "not 3"),  # type: ignore[arg-type]
        (lambda: DeadlineReference.AVERAGE_RUNTIME(2, 3), "min_runs <= max_runs"),
        (lambda: deadline_reference(int), "int is no subclass of BaseDeadlineReference"),
        (lambda: spec(default_args={"email": 5}), "email must be an address or a list of them, not 5"),
        (lambda: spec(default_args={"email": ["a@b.c", 1]}), "email must be an address or a list"),
        (lambda: spec(deadline="tomorrow"), "must be DeadlineAlerts, not 'tomorrow'"),
    ],
)
def test_what_can_not_be(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(BideError, match=words):
        make()
