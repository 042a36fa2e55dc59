"""Random schedules of faults over the real store: a hundred here, thousands in CI."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bide.control import accept_event
from bide.model.room import Room
from bide.store import backfills, sessions, transitions
from bide.store.schema import backfill
from tests.simulation.schedule import Broken, run_schedule

#: Schedules in all, and how many a test runs.
SEEDS = 100
CHUNK = 10


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_whatever_fails_nothing_is_lost_and_nothing_happens_twice(first: int) -> None:
    for seed in range(first, first + CHUNK):
        run_schedule(seed)


def test_a_seed_replays_exactly() -> None:
    assert run_schedule(7).trace == run_schedule(7).trace


def test_events_under_stale_tokens_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator itself: a store that takes each event, whoever it comes from, does not pass."""
    real = accept_event.waits.get_many

    def forgiving(tx, uids):  # type: ignore[no-untyped-def]
        return {uid: row._replace(token=_Any()) for uid, row in real(tx, uids).items()}

    monkeypatch.setattr(accept_event.waits, "get_many", forgiving)
    monkeypatch.setattr(accept_event.waits, "delete", lambda *_, **__: None)
    with pytest.raises(Broken):
        for seed in range(40):
            run_schedule(seed)


def test_work_taken_by_engines_that_were_declared_over_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that lets them take something leaves it with them for ever."""
    monkeypatch.setattr(sessions, "may_take", lambda *_: True)
    with pytest.raises(Broken, match="stands still"):
        for seed in range(40):
            run_schedule(seed)


def test_limits_that_nobody_heeds_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """More instances are under way than pools, DAGs and tasks allow."""
    monkeypatch.setattr(Room, "take", lambda *_: True)
    with pytest.raises(Broken, match="are under way"):
        for seed in range(40):
            run_schedule(seed)


def test_wrong_counts_of_mapped_tasks_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for one reads what was counted."""
    monkeypatch.setattr(transitions.expansions, "add", lambda *_: None)
    with pytest.raises(Broken, match="counts"):
        for seed in range(40):
            run_schedule(seed)


def test_dates_of_backfills_that_are_left_out_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backfill that forgets the next date whenever it makes runs."""
    real = backfills.set_runs

    def forgetful(tx, row, came):  # type: ignore[no-untyped-def]
        real(tx, row, came)
        further = sa.update(backfill).where(backfill.c.id == row.id, backfill.c.made < backfill.c.total)
        tx.conn.execute(further.values(made=backfill.c.made + 1))

    monkeypatch.setattr(backfills, "set_runs", forgetful)
    with pytest.raises(Broken, match="was left out"):
        for seed in range(40):
            run_schedule(seed)


class _Any:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]
