"""Runs that begin for a reason, beside those that somebody asks for: backfills, and events of an asset."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from bide.control.change_backfill import cancel_backfill, pause_backfill
from bide.control.create_backfill import BackfillRequest, create_backfill
from bide.control.record_assets import NewEvent, record_events
from bide.control.register_file import register_file
from bide.engine.scheduler.duties.deliver_assets import DeliverAssets
from bide.engine.scheduler.duties.run_backfills import RunBackfills
from bide.engine.scheduler.duty import Duty
from bide.model.assets import AssetCondition, AssetMention, AssetSpec
from bide.model.backfills import Reprocess, most_at_once
from bide.model.dag_spec import DagSpec, ScheduleSpec
from bide.store import Store
from bide.store.schema import asset_delivery, asset_event, asset_mark, backfill, backfill_dag_run, dag_run
from tests.simulation.sim_store import SimStore
from tests.support.dag_specs import FOLDER, dag_spec, parsed

PAST: Final = "past"
CONSUMER: Final = "consumer"
_ASSET: Final = AssetSpec("a", "a")
_FIRST: Final = datetime(2024, 1, 1, tzinfo=UTC)
#: Backfills, and events, that a schedule has at most.
_MOST: Final = 3


class Reasons:
    """A daily DAG that is backfilled, and one that has a run for each event of an asset."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.most = dice.randint(1, 4)
        self._asked = self._events = 0
        self.past: DagSpec = dag_spec(PAST, {"p": []}, schedule="@daily", max_active_runs=self.most)
        schedule = ScheduleSpec(
            assets=AssetCondition("one", AssetMention("asset", "a", "a")), asset_policy="each", text="a"
        )
        self.consumer: DagSpec = dag_spec(CONSUMER, {"c": []}, schedule=schedule, max_active_runs=2)

    async def begin(self, store: Store) -> None:
        """The DAGs are known, and idle."""
        for spec in (self.past, self.consumer):
            await register_file(store, parsed(spec), folder=FOLDER, paused_at_creation=False)

    def duties(self, store: Store) -> list[Duty]:
        """What makes their runs."""
        return [RunBackfills(store), DeliverAssets(store)]

    async def do_something(self, store: Store, sim: SimStore) -> str:
        """A person asks for a backfill, or changes the one that there is; or there is an event. What was done."""
        if self._dice.random() < 0.4:
            return await self._emit(store)
        active = sim.look(
            lambda tx: tx.conn.execute(
                sa.select(backfill.c.id, backfill.c.is_paused).where(backfill.c.completed_at.is_(None))
            ).first()
        )
        if active is None:
            return await self._ask(store)
        if self._dice.random() < 0.15:
            await cancel_backfill(store, active.id, stop_runs=self._dice.random() < 0.5, by="ann")
            return f"a person: cancel backfill {active.id}"
        await pause_backfill(store, active.id, not active.is_paused, by="ann")
        return f"a person: {'resume' if active.is_paused else 'pause'} backfill {active.id}"

    async def _emit(self, store: Store) -> str:
        if self._events >= _MOST:
            return "no further event"
        self._events += 1
        number = self._dice.randint(1, 2)
        await store.write(lambda tx: record_events(tx, [NewEvent(_ASSET)] * number) and None)
        return f"{number} events of the asset"

    async def _ask(self, store: Store) -> str:
        if self._asked >= _MOST:
            return "no further backfill"
        self._asked += 1
        only_failed = self._dice.random() < 0.3
        behaviors = (Reprocess.FAILED, Reprocess.COMPLETED) if only_failed else tuple(Reprocess)
        asked = BackfillRequest(
            PAST,
            _FIRST + timedelta(days=self._dice.randint(0, 2)),
            _FIRST + timedelta(days=self._dice.randint(2, 6)),
            reprocess=self._dice.choice(behaviors),
            only_failed=only_failed,
            backwards=self._dice.random() < 0.3,
            max_active_runs=self._dice.choice((None, 1, 2)),
        )
        row = await create_backfill(store, asked, by="ann")
        return f"a person: create backfill {row.id} of {row.total} dates"

    async def come_to_rest(self, store: Store, sim: SimStore) -> None:
        """Whoever has paused a backfill resumes it."""
        for number in sim.look(
            lambda tx: (
                tx.conn.execute(
                    sa.select(backfill.c.id).where(backfill.c.completed_at.is_(None), backfill.c.is_paused)
                )
                .scalars()
                .all()
            )
        ):
            await pause_backfill(store, number, False, by="ann")

    # --- what must hold -----------------------------------------------------------------------------------------

    def exceeded(self, sim: SimStore) -> list[str]:
        """More runs than may be under way."""
        running = dag_run.c.state == "running"
        query = sa.select(dag_run.c.dag_id, dag_run.c.backfill_id, sa.func.count()).where(running)
        rows = sim.look(lambda tx: tx.conn.execute(query.group_by(dag_run.c.dag_id, dag_run.c.backfill_id)).all())
        own = sim.look(lambda tx: dict(tx.conn.execute(sa.select(backfill.c.id, backfill.c.max_active_runs)).all()))
        problems: list[str] = []
        for dag_id, number, count in rows:
            most = {CONSUMER: 2, PAST: self.most if number is None else most_at_once(own[number], self.most)}
            if dag_id in most and count > most[dag_id]:
                problems.append(f"{count} runs of {dag_id} run, with {most[dag_id]} allowed")
        return problems

    def is_over(self, sim: SimStore) -> bool:
        """Whether nothing is left to be made."""

        def look(tx: Any) -> bool:
            going_on = sa.select(sa.func.count()).select_from(backfill).where(backfill.c.completed_at.is_(None))
            marks = sa.select(sa.func.count()).select_from(asset_mark)
            return not tx.conn.execute(going_on).scalar_one() and not tx.conn.execute(marks).scalar_one()

        return sim.look(look)

    def problems(self, sim: SimStore) -> list[str]:
        """Dates that had no turn or two runs, events that had none or two."""
        return [*sim.look(_of_backfills), *sim.look(_of_events)]


def _of_backfills(tx: Any) -> list[str]:
    problems = [
        f"backfill {row.id} is not over, with {row.made} of {row.total} dates"
        for row in tx.conn.execute(sa.select(backfill))
        if row.completed_at is None or (row.made != row.total and not row.is_cancelled)
    ]
    made = {row.id: row.made for row in tx.conn.execute(sa.select(backfill))}
    for row in tx.conn.execute(sa.select(backfill_dag_run)):
        had_turn = row.run_uid is not None or row.exception_reason is not None
        if had_turn != (row.sort_ordinal < made[row.backfill_id]):
            problems.append(f"date {row.logical_date} of backfill {row.backfill_id} was left out or early")
    dates = Counter(tx.conn.execute(sa.select(dag_run.c.logical_date).where(dag_run.c.dag_id == PAST)).scalars())
    return problems + [f"{count} runs of {date}" for date, count in dates.items() if count > 1]


def _of_events(tx: Any) -> list[str]:
    events = set(tx.conn.execute(sa.select(asset_event.c.uid)).scalars())
    had = tx.conn.execute(sa.select(asset_delivery.c.event_uid, asset_delivery.c.run_uid)).all()
    runs = set(tx.conn.execute(sa.select(dag_run.c.uid).where(dag_run.c.dag_id == CONSUMER)).scalars())
    problems = [] if {event for event, _ in had} == events else ["an event has reached nobody"]
    if sorted(run or "" for _, run in had) != sorted(runs):
        problems.append(f"{len(events)} events have made {len(runs)} runs")
    return problems
