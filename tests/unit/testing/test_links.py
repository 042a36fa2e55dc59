"""Links of operators to pages of services."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bide import DAG, BaseOperator, TimeDeltaTrigger
from bide.authoring.links import BaseOperatorLink, TaskInstanceKey
from bide.authoring.serialize import serialize_dag
from bide.authoring.xcom_backend import BaseXCom
from bide.testing import run_dag


class JobLink(BaseOperatorLink):
    name = "Job"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        job = BaseXCom.get_value(key="job", ti_key=ti_key)
        return f"https://jobs/{job}" if job else ""


class BrokenLink(JobLink):
    name = "Broken"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        raise KeyError("no service")


class Submit(BaseOperator):
    operator_extra_links = (JobLink(), BrokenLink())

    def __init__(self, *, end: str = "success", number: int = 7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.end, self.number = end, number

    def execute(self, context: Any) -> None:
        context["ti"].xcom_push(key="job", value=self.number)
        if self.end == "failed":
            raise ValueError("the job is gone")
        if self.end == "timeout":
            self.defer(trigger=TimeDeltaTrigger(dt.timedelta(hours=1)), method_name="done")

    def done(self, context: Any, event: Any) -> None: ...


@pytest.mark.parametrize(("end", "state"), [("success", "success"), ("failed", "failed"), ("timeout", "failed")])
def test_a_link_leads_somewhere_however_its_task_ends(end: str, state: str) -> None:
    with DAG("d") as dag:
        Submit(task_id="a", end=end, execution_timeout=dt.timedelta(minutes=5))
    result = run_dag(dag, raise_on_failure=False)
    assert result["a"].state == state
    assert result["a"].xcom["_link_JobLink"] == "https://jobs/7"
    assert "_link_BrokenLink" not in result["a"].xcom
    assert "The link 'Broken' has no URL: KeyError: 'no service'" in result["a"].log


def test_links_are_told_by_name_and_key() -> None:
    with DAG("d") as dag:
        Submit(task_id="a")
        Submit.partial(task_id="b").expand(number=[1, 2])
    told = (("Job", "_link_JobLink"), ("Broken", "_link_BrokenLink"))
    assert [task.links for task in serialize_dag(dag, file="f", folder="f").tasks] == [told, told]
