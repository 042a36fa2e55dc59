"""What DAG files and tests of theirs ask about DAGs under Airflow's names."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bide.authoring.dag import DAG
from bide.authoring.runtime import RunRecord, RunsAsked, use_runtime
from bide.authoring.templates import environment_for
from bide.model.errors import CycleError
from bide.standard.dag_questions import DagContext, check_cycle, get_last_dagrun
from bide.standard.operators.empty import EmptyOperator
from bide.standard.template_texts import render_template, render_template_as_native, render_template_to_string

DAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def test_the_dag_that_code_is_in() -> None:
    assert DagContext.get_current_dag() is None is DagContext.pop_context_managed_dag()
    with DAG("outer") as outer:
        assert DagContext.get_current_dag() is DagContext.get_current() is outer
        inner = DAG("inner")
        DagContext.push_context_managed_dag(inner)
        assert EmptyOperator(task_id="t").dag is inner
        assert DagContext.pop_context_managed_dag() is inner
        assert DagContext.get_current_dag() is outer


def test_circles() -> None:
    with DAG("d") as dag:
        first, second = EmptyOperator(task_id="a"), EmptyOperator(task_id="b")
        first >> second
    check_cycle(dag)
    second >> first
    with pytest.raises(CycleError, match="a"):
        check_cycle(dag)


def test_the_last_run() -> None:
    asked: list[RunsAsked] = []

    class Runs:
        def find_runs(self, question: RunsAsked) -> list[RunRecord]:
            asked.append(question)
            return [RunRecord("d", "last", "scheduled", "success", {}, DAY, DAY, DAY, DAY, DAY, DAY)]

    runtime: Any = Runs()
    with use_runtime(runtime):
        last = get_last_dagrun("d")
        assert last is not None and (last.run_id, last.logical_date, last.state) == ("last", DAY, "success")
        get_last_dagrun("d", include_externally_triggered=True)
    assert [one.run_types for one in asked] == [("scheduled", "backfill", "asset_triggered"), ()]
    assert {(one.dag_id, one.limit, one.first is None) for one in asked} == {("d", 1, False)}


def test_templates_by_hand() -> None:
    template = environment_for(None).from_string("{{ one + 1 }}")
    assert render_template_to_string(template, {"one": 1}) == "2"
    assert render_template_as_native(template, {"one": 1}) == 2
    assert render_template(template, {"one": 2}, native=True) == 3
    assert render_template(template, {"one": 2}, native=False) == "3"
