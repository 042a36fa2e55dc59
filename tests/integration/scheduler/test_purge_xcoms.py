"""What XComs of deleted runs have left outside of the store is removed, sooner or later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from bide.control.clean_history import Cleaning, clean_history
from bide.engine.scheduler.duties.purge_xcoms import RemoveXComs, pause_after
from bide.model.retention import Keep, Retention
from bide.model.value_objects import reference_to
from bide.store import Store, xcom_purges, xcoms
from bide.store.xcom_purges import Elsewhere
from bide.store.xcoms import XComRow
from bide.wire.purge_messages import StoredAway
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine

pytestmark = pytest.mark.usefixtures("no_blocking")


class Remover:
    """Notes what it is asked for, and fails where it is told to."""

    def __init__(self) -> None:
        self.asked: list[StoredAway] = []
        self.fails = False

    async def purge(self, items: Sequence[StoredAway]) -> dict[int, str]:
        self.asked += items
        return {one.id: "OSError: no way" for one in items} if self.fails else {}


async def cleaned(engine: HandEngine, elsewhere: Elsewhere) -> None:
    """Three runs that are deleted; two have XComs, one of them a large one."""
    await engine.register(dag_spec("d"))
    for run_id in ("large", "small", "bare"):
        await engine.create("d", run_id=run_id)
        await engine.finish("a")
    values = {"large": reference_to("s3://b/x", 5), "small": b'"text"'}
    rows = [XComRow("d", run_id, "a", -1, "return_value", value) for run_id, value in values.items()]
    await engine.store.write(lambda tx: xcoms.put(tx, [*rows, rows[0]._replace(key="other")]))
    await clean_history(engine.store, Cleaning(Retention(Keep(None, 0)), elsewhere=elsewhere))
    assert await engine.run_states() == {}


async def due(store: Store) -> Any:
    return await store.read(xcom_purges.next_due)


@pytest.mark.parametrize(
    ("elsewhere", "asked"),
    [
        ("none", set[tuple[str, str | None, str]]()),
        ("objects", {("large", None, "")}),
        ("values", {("large", "a", "return_value"), ("large", "a", "other"), ("small", "a", "return_value")}),
    ],
)
async def test_it_is_removed_after_its_run(
    engine: HandEngine, elsewhere: Elsewhere, asked: set[tuple[str, str | None, str]]
) -> None:
    await cleaned(engine, elsewhere)
    remover = Remover()
    duty = RemoveXComs(engine.store, remover)
    while (await duty.run()).again:
        continue
    assert {(one.run_id, one.task_id, one.key) for one in remover.asked} == asked
    assert {one.value for one in remover.asked if one.run_id == "small"} <= {b'"text"'}
    assert await due(engine.store) is None


async def test_what_can_not_be_removed_is_tried_again(engine: HandEngine) -> None:
    await cleaned(engine, "objects")
    remover = Remover()
    remover.fails = True
    duty = RemoveXComs(engine.store, remover)
    for minutes in (1, 2, 4):
        assert (await duty.run()).again
        assert (await duty.run()).due_at == engine.clock.now() + timedelta(minutes=minutes)
        engine.clock.advance(minutes * 60)
    remover.fails = False
    await duty.run()
    assert len(remover.asked) == 4
    assert await due(engine.store) is None
    assert pause_after(100) == timedelta(days=1)


async def test_what_somebody_has_taken_is_not_taken_again(engine: HandEngine) -> None:
    await cleaned(engine, "objects")
    take = lambda tx: xcom_purges.claim(tx, 5, timedelta(minutes=10))  # noqa: E731
    assert len(await engine.store.write(take)) == 1
    assert await engine.store.write(take) == []
    engine.clock.advance(601)
    assert [row.attempts for row in await engine.store.write(take)] == [2]
