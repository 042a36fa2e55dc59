"""Waits as rows, with what only the engines that run know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bide.cli.engines import ask_all, find_engines, find_triggerers
from bide.cli.output import Row
from bide.config.resolved import Config
from bide.control.wait_statistics import why_unserved
from bide.model.dag_modules import shown
from bide.store import Store, Tx, sessions
from bide.store.sessions import SessionRow
from bide.store.views import WaitView
from bide.wire.statistics import TriggererStatistics


class LiveWaits(NamedTuple):
    """What is known of waits at this moment, by their ids."""

    now: datetime
    triggerers: Sequence[TriggererStatistics]
    #: Sessions whose engines are gone, and those that have waits.
    lost: set[str]
    owners: Mapping[str, SessionRow]
    next_looks: Mapping[str, datetime]
    progress: Mapping[str, Mapping[str, Any]]
    #: The processes that hold them.
    runners: Mapping[str, str]
    #: Why nobody has taken them, by engines that take none.
    unclaimed: Mapping[str, str]


async def look_at(config: Config, store: Store, waits: Sequence[WaitView]) -> LiveWaits:
    """Ask the store and the engines that run about these waits."""

    def read(tx: Tx) -> tuple[set[str], dict[str, SessionRow]]:
        held = {wait.session for wait in waits if wait.session is not None}
        return sessions.lost(tx, held), sessions.get_many(tx, held)

    lost, owners = await store.read(read)
    engines = await find_engines(config, store)
    served = [wait.uid for wait in waits if wait.kind in ("poll", "stream")]
    looks: dict[str, float] = await ask_all(engines, "next_looks", served) if served else {}
    progress: dict[str, Any] = await ask_all(engines, "progress", served) if served else {}
    runners: dict[str, str] = await ask_all(engines, "where", served) if served else {}
    unclaimed: dict[str, str] = await ask_all(engines, "unclaimed", served) if served else {}
    return LiveWaits(
        store.clock.now(),
        await find_triggerers(config, store),
        lost,
        owners,
        {uid: datetime.fromtimestamp(at, UTC) for uid, at in looks.items()},
        progress,
        runners,
        unclaimed,
    )


def wait_row(wait: WaitView, live: LiveWaits) -> Row:
    """One wait in a list."""
    ends = [end for end in (wait.deadline, wait.task_deadline) if end is not None]
    return {
        "dag_id": wait.dag_id,
        "run_id": wait.run_id,
        "task_id": wait.task_id,
        "map_index": wait.map_index,
        "kind": wait.kind,
        "trigger": shown(wait.classpath),
        "for": wait.subject,
        "since": wait.armed_at,
        "until": min(ends, default=None),
        "next_look": live.next_looks.get(wait.uid) or wait.due_at,
        "progress": _progress(live.progress.get(wait.uid)),
        "where": _where(wait, live),
        "unserved": why_unserved(wait, live.triggerers, live.lost, live.now),
    }


def _progress(found: Mapping[str, Any] | None) -> str | None:
    """How far the work outside is, in one line."""
    if found is None:
        return None
    fraction = found.get("fraction")
    parts = [f"{fraction:.0%}" if fraction is not None else "", found.get("text", "")]
    return ", ".join(part for part in parts if part) or None


def _where(wait: WaitView, live: LiveWaits) -> str | None:
    """Who looks after the wait."""
    if wait.kind == "timer":
        return "scheduler"
    if wait.kind not in ("poll", "stream", "start"):
        return None
    owner = live.owners.get(wait.session or "")
    if owner is None:
        reason = live.unclaimed.get(wait.uid)
        return f"nobody yet: {reason}" if reason else "nobody yet"
    engine = f"{owner.kind} {owner.pid} on {owner.hostname}"
    runner = live.runners.get(wait.uid)
    return engine if runner is None else f"{engine}, {runner}"
