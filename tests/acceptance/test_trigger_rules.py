"""Each trigger rule with each mixture of upstream states, in one run of real processes."""

from __future__ import annotations

from typing import Final

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun

RUN, SKIP, BLOCK = "success", "skipped", "upstream_failed"
MIXTURES: Final = (
    "success",
    "failed",
    "skipped",
    "upstream_failed",
    "success_failed",
    "success_skipped",
    "failed_skipped",
    "success_upstream_failed",
    "all_of_them",
)
#: What becomes of a task, by rule, for each of the mixtures above.
EXPECTED: Final = {
    "all_success": (RUN, BLOCK, SKIP, BLOCK, BLOCK, SKIP, BLOCK, BLOCK, BLOCK),
    "all_failed": (SKIP, RUN, SKIP, RUN, SKIP, SKIP, SKIP, SKIP, SKIP),
    "all_done": (RUN,) * 9,
    "all_done_min_one_success": (RUN, BLOCK, SKIP, BLOCK, RUN, RUN, BLOCK, RUN, RUN),
    "all_skipped": (SKIP, SKIP, RUN, SKIP, SKIP, SKIP, SKIP, SKIP, SKIP),
    "one_success": (RUN, BLOCK, SKIP, BLOCK, RUN, RUN, BLOCK, RUN, RUN),
    "one_failed": (SKIP, RUN, SKIP, RUN, RUN, SKIP, RUN, RUN, RUN),
    "one_done": (RUN, RUN, SKIP, SKIP, RUN, RUN, RUN, RUN, RUN),
    "none_failed": (RUN, BLOCK, RUN, BLOCK, BLOCK, RUN, BLOCK, BLOCK, BLOCK),
    "none_failed_min_one_success": (RUN, BLOCK, SKIP, BLOCK, BLOCK, RUN, BLOCK, BLOCK, BLOCK),
    "none_skipped": (RUN, RUN, SKIP, RUN, RUN, SKIP, SKIP, RUN, SKIP),
    "always": (RUN,) * 9,
}


@pytest.fixture(scope="module")
def run(make_folder: MakeFolder) -> DagRun:
    return make_folder("rules.py").dag_run("dags/rules.py", code=1)


@pytest.mark.parametrize("rule", EXPECTED)
def test_a_rule_decides_by_the_states_of_its_upstream(run: DagRun, rule: str) -> None:
    found = {name: run.end(f"{rule}.{name}") for name in MIXTURES}
    assert found == dict(zip(MIXTURES, EXPECTED[rule], strict=True))


def test_every_rule_is_tried(run: DagRun) -> None:
    assert {task_id.partition(".")[0] for task_id in run.tasks if "." in task_id} == set(EXPECTED)


def test_the_run_has_failed_because_of_its_leaves(run: DagRun) -> None:
    assert run.state == "failed"
