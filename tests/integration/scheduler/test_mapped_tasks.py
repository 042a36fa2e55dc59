"""Mapped tasks duty by duty: when they are expanded, into what, and who waits for which instance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from bide.control.clear_tasks import clear_tasks
from bide.model.dag_spec import DagSpec, GroupSpec
from bide.model.map_spec import MapSpec, Source
from bide.model.selection import RunChoice, TaskChoice
from bide.store import xcoms
from bide.store.runs import RunRow
from bide.store.schema import expansion, task_instance
from bide.wire.messages import Finish, PullMapped, PushXCom, RunTask, XComs
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")


def over(*sources: Source | str | int) -> MapSpec:
    """Expanded over results (by task id) and lists (by length)."""
    made = [
        one
        if isinstance(one, Source)
        else Source("literal", length=one)
        if isinstance(one, int)
        else Source("xcom", task_id=one)
        for one in sources
    ]
    return MapSpec(tuple((f"x{number}", one) for number, one in enumerate(made)))


def mapped_over_a(**fields: Any) -> DagSpec:
    """a, then m expanded over its result, then z."""
    return dag_spec("d", {"a": [], "m": ["a"], "z": ["m"]}, tasks={"m": {"mapping": over("a"), **fields}})


async def states(engine: HandEngine, run: RunRow) -> dict[tuple[str, int], str]:
    query = sa.select(task_instance.c.task_id, task_instance.c.map_index, task_instance.c.state).where(
        task_instance.c.run_uid == run.uid
    )
    rows = await engine.store.read(lambda tx: tx.conn.execute(query).all())
    return {(task_id, index): state for task_id, index, state in rows}


async def of(engine: HandEngine, run: RunRow, task_id: str) -> dict[int, str]:
    found = await states(engine, run)
    return {index: state for (name, index), state in sorted(found.items()) if name == task_id}


def started(engine: HandEngine, task_id: str) -> list[RunTask]:
    found = [task for task in engine.executor.started.values() if task.instance.task_id == task_id]
    return sorted(found, key=lambda task: task.instance.map_index)


async def end_all(engine: HandEngine, task_id: str, ends: Sequence[str] | None = None) -> None:
    """End the instances of `task_id` that workers have, each by itself."""
    tasks = started(engine, task_id)
    for task, state in zip(tasks, ends or ["success"] * len(tasks), strict=True):
        await engine.end(task, state)
    await engine.start()


async def test_a_result_expands_a_task_when_it_is_there(engine: HandEngine) -> None:
    run = await engine.run_of(mapped_over_a())
    await engine.start()
    assert await of(engine, run, "m") == {-1: "none"}
    await engine.finish("a", return_value=b"[1,2,3]", length=3)
    assert await of(engine, run, "m") == {0: "running", 1: "running", 2: "running"}
    (row,) = [task for task in started(engine, "m") if task.instance.map_index == 1]
    assert row.mapped_over is not None
    assert row.mapped_over.lengths == (3,)
    assert row.mapped_over.instances == (None,)
    assert row.mapped_over.stamps[0]
    assert (await engine.run_row(run))["unfinished"] == 4
    await end_all(engine, "m")
    assert await of(engine, run, "z") == {-1: "running"}
    await engine.finish("z")
    assert dict(await engine.run_row(run))["state"] == "success"


async def test_lists_of_the_dag_file_are_expanded_with_the_run(engine: HandEngine) -> None:
    spec = dag_spec("d", {"a": [], "m": ["a"]}, tasks={"m": {"mapping": over(2, 3)}})
    run = await engine.run_of(spec)
    assert await of(engine, run, "m") == dict.fromkeys(range(6), "none")
    await engine.start()
    await engine.finish("a")
    assert await of(engine, run, "m") == dict.fromkeys(range(6), "running")
    await end_all(engine, "m", ["success"] * 5 + ["failed"])
    assert (await engine.run_row(run))["state"] == "failed"


@pytest.mark.parametrize("rule", ["all_success", "none_failed", "all_done"])
async def test_nothing_to_expand_over_skips_the_task(engine: HandEngine, rule: str) -> None:
    run = await engine.run_of(mapped_over_a(trigger_rule=rule))
    await engine.finish("a", return_value=b"[]", length=0)
    assert await states(engine, run) == {("a", -1): "success", ("m", -1): "skipped", ("z", -1): "skipped"}
    assert (await engine.run_row(run))["state"] == "success"


async def test_an_empty_list_of_the_dag_file_skips_the_task(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"m": [], "z": ["m"]}, tasks={"m": {"mapping": over(0, 4)}}))
    await engine.start()
    assert await states(engine, run) == {("m", -1): "skipped", ("z", -1): "skipped"}


@pytest.mark.parametrize(("ended", "becomes"), [("failed", "upstream_failed"), ("skipped", "skipped")])
async def test_what_it_is_expanded_over_did_not_succeed(engine: HandEngine, ended: str, becomes: str) -> None:
    """Whatever its trigger rule is, it can't be expanded then."""
    run = await engine.run_of(mapped_over_a(trigger_rule="all_done"))
    await engine.finish("a", ended)
    assert await of(engine, run, "m") == {-1: becomes}


async def test_a_result_that_is_no_list(engine: HandEngine) -> None:
    run = await engine.run_of(mapped_over_a())
    await engine.finish("a", return_value=b"5")
    assert await of(engine, run, "m") == {-1: "upstream_failed"}
    assert (await engine.instance("m"))["error"] == (
        "task 'a' has left no list or dict under 'return_value' that it could be expanded over"
    )
    run = await engine.create("d")
    await engine.finish("a")
    assert await of(engine, run, "m") == {-1: "upstream_failed"}
    assert "has left nothing" in (await engine.instance("m", run))["error"]


async def test_a_mapped_task_waits_for_all_that_it_is_expanded_over(engine: HandEngine) -> None:
    """Also with a rule that would let it begin before."""
    spec = dag_spec(
        "d", {"a": [], "b": [], "m": ["a", "b"]}, tasks={"m": {"mapping": over("a", "b"), "trigger_rule": "always"}}
    )
    run = await engine.run_of(spec)
    await engine.finish("a", return_value=b"[1,2]", length=2)
    assert await of(engine, run, "m") == {-1: "none"}
    await engine.finish("b", return_value=b"[1,2]", length=2)
    assert await of(engine, run, "m") == dict.fromkeys(range(4), "running")


async def test_a_task_is_expanded_over_a_mapped_one(engine: HandEngine) -> None:
    """Over what its instances have left; those that left nothing don't count."""
    spec = dag_spec(
        "d",
        {"m": [], "n": ["m"]},
        tasks={"m": {"mapping": over(4)}, "n": {"mapping": over("m"), "trigger_rule": "all_done"}},
    )
    run = await engine.run_of(spec)
    await engine.start()
    for task in started(engine, "m"):
        index = task.instance.map_index
        ends = [Finish("success", return_value=b"%d" % index), Finish("success"), Finish("failed")]
        await engine.leave_all([task], ends[0] if index in (0, 3) else ends[index])
    await engine.start()
    assert await of(engine, run, "n") == {0: "running", 1: "running"}
    (first, second) = started(engine, "n")
    assert second.mapped_over is not None
    assert (second.mapped_over.lengths, second.mapped_over.instances) == ((2,), (4,))
    reply = await engine.ask(first, PullMapped("m", "return_value", first=1, number=5, counted=True))
    assert isinstance(reply, XComs)
    assert [(one.map_index, one.value) for one in reply.values] == [(3, b"3")]
    assert reply.total == 2


@pytest.mark.parametrize(
    ("rule", "after"),
    [
        ("all_success", "upstream_failed"),
        ("one_failed", "running"),
        ("all_done", "running"),
        ("one_success", "running"),
    ],
)
async def test_trigger_rules_count_instances(engine: HandEngine, rule: str, after: str) -> None:
    spec = dag_spec("d", {"m": [], "z": ["m"]}, tasks={"m": {"mapping": over(3)}, "z": {"trigger_rule": rule}})
    run = await engine.run_of(spec)
    await engine.start()
    await end_all(engine, "m", ["success", "success", "failed"])
    assert await of(engine, run, "z") == {-1: after}


async def test_a_task_behind_a_mapped_one_waits_for_its_last_instance(engine: HandEngine) -> None:
    run = await engine.run_of(dag_spec("d", {"m": [], "z": ["m"]}, tasks={"m": {"mapping": over(3)}}))
    await engine.start()
    for task in started(engine, "m"):
        assert await of(engine, run, "z") == {-1: "none"}
        await engine.end(task)
        await engine.start()
    assert await of(engine, run, "z") == {-1: "running"}


async def test_two_mapped_tasks_behind_one_another(engine: HandEngine) -> None:
    """One that only comes after another waits for all of it, and is expanded by its own lists."""
    spec = dag_spec("d", {"m": [], "n": ["m"]}, tasks={"m": {"mapping": over(2)}, "n": {"mapping": over(3)}})
    run = await engine.run_of(spec)
    await engine.start()
    await end_all(engine, "m")
    assert await of(engine, run, "n") == dict.fromkeys(range(3), "running")


# --- groups


def group_of(*sources: Source | str | int, rules: dict[str, str] | None = None) -> DagSpec:
    """a, then in a group g that is mapped p and q, then z; e is outside, and q waits for it too."""
    tasks: dict[str, dict[str, Any]] = {"g.p": {"group_id": "g"}, "g.q": {"group_id": "g"}}
    for task_id, rule in (rules or {}).items():
        tasks.setdefault(task_id, {})["trigger_rule"] = rule
    spec = dag_spec("d", {"a": [], "e": [], "g.p": ["a"], "g.q": ["e", "g.p"], "z": ["g.q"]}, tasks=tasks)
    return msgspec.structs.replace(spec, groups=(GroupSpec("g", mapping=over(*sources)),))


async def test_in_a_group_each_index_goes_on_by_itself(engine: HandEngine) -> None:
    run = await engine.run_of(group_of("a"))
    await engine.start()
    await engine.finish("e")
    await engine.finish("a", return_value=b"[1,2,3]", length=3)
    assert await of(engine, run, "g.p") == dict.fromkeys(range(3), "running")
    assert await of(engine, run, "g.q") == dict.fromkeys(range(3), "none")
    first, second, third = started(engine, "g.p")
    await engine.end(second)
    await engine.start()
    assert await of(engine, run, "g.q") == {0: "none", 1: "running", 2: "none"}
    await engine.end(first, "failed")
    await engine.end(third, "skipped")
    await engine.start()
    assert await of(engine, run, "g.q") == {0: "upstream_failed", 1: "running", 2: "skipped"}
    await end_all(engine, "g.q")
    assert await of(engine, run, "z") == {-1: "upstream_failed"}


async def test_in_a_group_all_indexes_wait_for_what_is_outside(engine: HandEngine) -> None:
    run = await engine.run_of(group_of(2))
    await engine.start()
    await engine.finish("a")
    await end_all(engine, "g.p")
    assert await of(engine, run, "g.q") == {0: "none", 1: "none"}
    await engine.finish("e")
    assert await of(engine, run, "g.q") == {0: "running", 1: "running"}


@pytest.mark.parametrize("rule", ["all_success", "all_done", "always"])
async def test_a_group_without_elements_is_skipped(engine: HandEngine, rule: str) -> None:
    run = await engine.run_of(group_of("a", rules={"g.q": rule}))
    await engine.start()
    await engine.finish("e")
    await engine.finish("a", return_value=b"{}", length=0)
    assert await of(engine, run, "g.p") == {-1: "skipped"}
    assert await of(engine, run, "g.q") == {-1: "skipped"}
    assert await of(engine, run, "z") == {-1: "skipped"}


async def test_a_task_of_a_group_that_ended_before_the_group_was_expanded(engine: HandEngine) -> None:
    """It stands for all indexes."""
    spec = group_of("a", rules={"g.q": "all_done"})
    tasks = tuple(
        msgspec.structs.replace(task, upstream=("a", "e")) if task.task_id == "g.p" else task for task in spec.tasks
    )
    run = await engine.run_of(msgspec.structs.replace(spec, tasks=tasks))
    await engine.start()
    await engine.finish("e", "skipped")
    assert await of(engine, run, "g.p") == {-1: "skipped"}
    await engine.finish("a", return_value=b"[1,2]", length=2)
    assert await of(engine, run, "g.q") == {0: "running", 1: "running"}


async def test_a_branch_in_a_group_skips_its_own_index(engine: HandEngine) -> None:
    run = await engine.run_of(group_of(2))
    await engine.start()
    await engine.finish("a")
    first, _ = started(engine, "g.p")
    await engine.leave_all([first], Finish("success", skip=("g.q",)))
    await engine.start()
    assert await of(engine, run, "g.q") == {0: "skipped", 1: "none"}


# --- clearing


async def clear(engine: HandEngine, run: RunRow, **choice: Any) -> None:
    await clear_tasks(
        engine.store,
        "d",
        which_runs=RunChoice(run_ids=frozenset({run.run_id})),
        which_tasks=TaskChoice(**choice),
        by="test",
    )
    await engine.start()


async def test_what_a_branch_in_a_group_left_out_is_left_out_again(engine: HandEngine) -> None:
    """Each instance goes by the branch of its own index; where that is cleared too, it decides anew."""
    spec = group_of(2)
    tasks = tuple(
        msgspec.structs.replace(one, skips_downstream=one.task_id == "g.p", trigger_rule="all_done")
        for one in spec.tasks
    )
    run = await engine.run_of(msgspec.structs.replace(spec, tasks=tasks))
    await engine.start()
    await engine.finish("a")
    await engine.finish("e")
    first, second = started(engine, "g.p")
    await engine.leave_all([first], Finish("success", skip=("g.q",)))
    await engine.leave_all([second], Finish("success"))
    await engine.start()
    await end_all(engine, "g.q")
    assert await of(engine, run, "g.q") == {0: "skipped", 1: "success"}
    await clear(engine, run, task_ids=frozenset({"g.q"}))
    assert await of(engine, run, "g.q") == {0: "skipped", 1: "running"}
    await end_all(engine, "g.q")
    await clear(engine, run, task_ids=frozenset({"g.p"}), downstream=True)
    for task in started(engine, "g.p"):
        await engine.leave_all([task], Finish("success"))
    await engine.start()
    assert await of(engine, run, "g.q") == {0: "running", 1: "running"}


async def test_what_a_mapped_branch_left_out_runs_if_it_is_cleared(engine: HandEngine) -> None:
    """As in Airflow: it is left out by all instances together, and none of them speaks for it again."""
    spec = dag_spec(
        "d",
        {"m": [], "z": ["m"]},
        tasks={"m": {"mapping": over(2), "skips_downstream": True}, "z": {"trigger_rule": "all_done"}},
    )
    run = await engine.run_of(spec)
    await engine.start()
    await engine.leave_all(started(engine, "m"), Finish("success", skip=("z",)))
    await engine.start()
    assert await of(engine, run, "z") == {-1: "skipped"}
    await clear(engine, run, task_ids=frozenset({"z"}))
    assert await of(engine, run, "z") == {-1: "running"}
    await engine.finish("z")
    assert dict(await engine.run_row(run))["state"] == "success"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (3, {0: "running", 1: "running", 2: "running"}),
        (4, {0: "running", 1: "running", 2: "running", 3: "running"}),
        (1, {0: "running", 1: "removed", 2: "removed"}),
        (0, {0: "skipped", 1: "removed", 2: "removed"}),
    ],
)
async def test_a_task_is_expanded_anew_when_its_source_gives_another_length(
    engine: HandEngine, now: int, expected: dict[int, str]
) -> None:
    run = await engine.run_of(mapped_over_a())
    await engine.finish("a", return_value=b"[1,2,3]", length=3)
    await engine.leave_all(started(engine, "m"), Finish("success", return_value=b"1"))
    await engine.start()
    await engine.finish("z")
    await clear(engine, run, task_ids=frozenset({"a"}), downstream=True)
    assert await of(engine, run, "m") == dict.fromkeys(range(3), "none")
    await engine.finish("a", return_value=b"[]", length=now)
    assert await of(engine, run, "m") == expected
    await end_all(engine, "m")
    left = await engine.store.read(lambda tx: xcoms.count_mapped(tx, "d", run.run_id, "m", "return_value"))
    assert left == 0, "the tries that came now have left nothing"
    row = await engine.run_row(run)
    assert row["unfinished"] == (0 if now == 0 else 1)
    if now:
        await engine.finish("z")
        assert (await engine.run_row(run))["state"] == "success"


async def test_one_index_is_cleared(engine: HandEngine) -> None:
    run = await engine.run_of(mapped_over_a())
    await engine.finish("a", return_value=b"[1,2,3]", length=3)
    await end_all(engine, "m", ["success", "failed", "success"])
    assert await of(engine, run, "z") == {-1: "upstream_failed"}
    await clear(engine, run, mapped=frozenset({("m", 1)}), downstream=True)
    assert await of(engine, run, "m") == {0: "success", 1: "running", 2: "success"}
    assert await of(engine, run, "z") == {-1: "none"}
    await end_all(engine, "m")
    assert await of(engine, run, "z") == {-1: "running"}
    query = sa.select(expansion.c.success, expansion.c.failed, expansion.c.total)
    assert (await engine.store.read(lambda tx: tx.conn.execute(query).one())) == (3, 0, 3)


async def test_a_key_of_its_own_can_be_expanded_over(engine: HandEngine) -> None:
    source = Source("xcom", task_id="a", key="rows")
    spec = dag_spec("d", {"a": [], "m": ["a"]}, tasks={"m": {"mapping": over(source)}})
    run = await engine.run_of(spec)
    await engine.start()
    await engine.ask(engine.started("a"), PushXCom("rows", b"[1,2]", length=2))
    await engine.finish("a")
    assert await of(engine, run, "m") == {0: "running", 1: "running"}


# --- limits


async def test_no_more_instances_of_a_task_than_it_allows(engine: HandEngine) -> None:
    """In all runs, or in one; what is behind in the order goes on meanwhile."""
    limits = {
        "m": {"mapping": over(30), "max_active_tis_per_dag": 3},
        "n": {"mapping": over(20), "max_active_tis_per_dagrun": 2},
    }
    spec = dag_spec("d", {"m": [], "n": [], "o": []}, tasks=limits, max_active_tasks=100)
    engine.executor.slots = 10
    first = await engine.run_of(spec)
    second = await engine.create("d")
    await engine.start()
    assert len(started(engine, "m")) == 3
    assert len(started(engine, "n")) == 4
    assert len(started(engine, "o")) == 2
    assert {task.instance.run_id for task in started(engine, "n")} == {first.run_id, second.run_id}
    await engine.end(started(engine, "m")[0])
    await engine.start()
    assert len(started(engine, "m")) == 3
    of_second = [task for task in started(engine, "n") if task.instance.run_id == second.run_id]
    await engine.leave_all(of_second, Finish("success"))
    await engine.start()
    assert [task.instance.map_index for task in started(engine, "n") if task.instance.run_id == second.run_id] == [
        2,
        3,
    ]
