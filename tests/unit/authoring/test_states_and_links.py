"""Names that operators compare states by, and links."""

import pytest

from bide.authoring.context import Context, context_copy_partial, context_merge
from bide.authoring.links import BaseOperatorLink, TaskInstanceKey
from bide.authoring.states import State
from bide.model.states import RunState, TaskState


def test_states_and_their_sets():
    assert State.SUCCESS is TaskState.SUCCESS and State.NONE is None
    assert "failed" in State.failed_states and "skipped" in State.success_states
    assert State.finished | (State.unfinished - {None}) == frozenset(TaskState) - {TaskState.NONE}
    assert State.finished_dr_states | State.unfinished_dr_states == frozenset(RunState)


def test_a_link_needs_a_name_and_a_url():
    class Half(BaseOperatorLink):
        name = "Half"

    class Whole(Half):
        def get_link(self, operator, *, ti_key):
            return f"https://jobs.example.org/{ti_key.run_id}/{ti_key.task_id}"

    with pytest.raises(TypeError, match="get_link"):
        Half()
    link = Whole()
    assert link.get_link(None, ti_key=TaskInstanceKey("d", "t", "r")) == "https://jobs.example.org/r/t"
    assert link.xcom_key == "_link_Whole"


def test_a_context_takes_more_names_and_gives_some():
    context = Context({"ds": "2026-01-01"}, {"macros": lambda: "made when asked for"})
    context_merge(context, {"a": 1}, b=2)
    part = context_copy_partial(context, {"a", "macros"})
    assert dict(part) == {"a": 1, "macros": "made when asked for"}
    assert dict(context)["b"] == 2
