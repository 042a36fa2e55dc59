"""What outlives a try."""

from __future__ import annotations

import pytest

from bide.store import Tx, task_states
from bide.store.task_states import TaskStateRow
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")


async def test_values_are_kept_by_kind_and_key_in_their_order(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    uid = (await engine.instance("a"))["uid"]

    def fill(tx: Tx) -> None:
        task_states.put(
            tx,
            [
                TaskStateRow(uid, "journal", "b", b"1", 2),
                TaskStateRow(uid, "journal", "c", b"2", 1),
                TaskStateRow(uid, "user", "b", b"3"),
            ],
        )
        task_states.put(tx, [TaskStateRow(uid, "journal", "b", b"4", 2)])

    await engine.store.write(fill)
    journal = await engine.store.read(lambda tx: task_states.get(tx, [uid, "other"], "journal"))
    assert {owner: [(row.key, row.value) for row in rows] for owner, rows in journal.items()} == {
        uid: [("c", b"2"), ("b", b"4")]
    }
    note = await engine.store.read(lambda tx: task_states.get_one(tx, uid, "user", "b"))
    assert note is not None
    assert note.value == b"3"


async def test_values_are_forgotten_by_kind_and_one_by_one(engine: HandEngine) -> None:
    await engine.run_of(dag_spec("d"))
    uid = (await engine.instance("a"))["uid"]
    kinds: list[task_states.Kind] = ["job", "journal", "checkpoint", "user"]
    await engine.store.write(lambda tx: task_states.put(tx, [TaskStateRow(uid, kind, "k", b"1") for kind in kinds]))
    await engine.store.write(lambda tx: task_states.delete_progress(tx, [uid]))
    left = [
        kind for kind in kinds if await engine.store.read(lambda tx, kind=kind: task_states.get(tx, [uid], kind))
    ]
    assert left == ["user"]
    assert await engine.store.write(lambda tx: task_states.delete_one(tx, uid, "user", "k"))
    assert not await engine.store.write(lambda tx: task_states.delete_one(tx, uid, "user", "k"))
