"""``bide waits``: what deferred tasks wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import typer

from bide.cli import wait_changes
from bide.cli.engines import ask_all, find_engines
from bide.cli.opening import open_store
from bide.cli.options import DagsOption, LimitOption, Output, OutputOption
from bide.cli.output import Row, say, show_rows
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.store import Tx, sessions
from bide.store.sessions import SessionRow
from bide.store.views import Page, WaitView, list_waits

app = typer.Typer(help="List what deferred tasks wait for, send signals, end waits.", no_args_is_help=True)
app.command()(wait_changes.signal)
app.command()(wait_changes.cancel)


@app.command("list")
def list_all(
    dag_id: Annotated[str | None, typer.Argument(help="Only waits of this DAG.", show_default=False)] = None,
    run: Annotated[str | None, typer.Option("--run", "-r", help="Only of this run.", show_default=False)] = None,
    limit: LimitOption = 100,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List waits, the longest first: for what, since, until, when looked at next, and where."""
    rows, total = asyncio.run(_list(read_config(dags), Page(limit), dag_id, run))
    show_rows(rows, output, empty="nothing waits")
    if total > len(rows) and output is Output.TABLE:
        say(f"{len(rows)} of {total} waits; see --limit")


async def _list(config: Config, page: Page, dag_id: str | None, run_id: str | None) -> tuple[list[Row], int]:
    def read(tx: Tx) -> tuple[list[WaitView], int, dict[str, SessionRow]]:
        waits, total = list_waits(tx, page, dag_id=dag_id, run_id=run_id)
        held = {wait.session for wait in waits if wait.session is not None}
        return waits, total, sessions.get_many(tx, held)

    async with open_store(config) as store:
        waits, total, owners = await store.read(read)
    live = await ask_engines(config, [wait.uid for wait in waits if wait.kind in ("poll", "stream")])
    return [_row(wait, live, owners) for wait in waits], total


class LiveWaits(NamedTuple):
    """What only the engine knows of waits, by their ids."""

    next_looks: Mapping[str, datetime] = {}
    progress: Mapping[str, Mapping[str, Any]] = {}
    #: The processes that hold them.
    runners: Mapping[str, str] = {}
    #: Why nobody has taken them, by engines that take none.
    unclaimed: Mapping[str, str] = {}


async def ask_engines(config: Config, wait_ids: Sequence[str]) -> LiveWaits:
    """What the engines that run know of these waits; nothing if none runs."""
    if not wait_ids:
        return LiveWaits()
    engines = await find_engines(config)
    looks: dict[str, float] = await ask_all(engines, "next_looks", wait_ids)
    progress: dict[str, Any] = await ask_all(engines, "progress", wait_ids)
    runners: dict[str, str] = await ask_all(engines, "where", wait_ids)
    unclaimed: dict[str, str] = await ask_all(engines, "unclaimed", wait_ids)
    next_looks = {uid: datetime.fromtimestamp(at, UTC) for uid, at in looks.items()}
    return LiveWaits(next_looks, progress, runners, unclaimed)


def _row(wait: WaitView, live: LiveWaits, owners: dict[str, SessionRow]) -> Row:
    ends = [end for end in (wait.deadline, wait.task_deadline) if end is not None]
    return {
        "dag_id": wait.dag_id,
        "run_id": wait.run_id,
        "task_id": wait.task_id,
        "map_index": wait.map_index,
        "kind": wait.kind,
        "trigger": wait.classpath,
        "for": wait.subject,
        "since": wait.armed_at,
        "until": min(ends, default=None),
        "next_look": live.next_looks.get(wait.uid) or wait.due_at,
        "progress": _progress(live.progress.get(wait.uid)),
        "where": _where(wait, live, owners),
    }


def _progress(found: Mapping[str, Any] | None) -> str | None:
    """How far the work outside is, in one line."""
    if found is None:
        return None
    fraction = found.get("fraction")
    parts = [f"{fraction:.0%}" if fraction is not None else "", found.get("text", "")]
    return ", ".join(part for part in parts if part) or None


def _where(wait: WaitView, live: LiveWaits, owners: dict[str, SessionRow]) -> str:
    """Who looks after the wait."""
    if wait.kind == "timer":
        return "scheduler"
    owner = owners.get(wait.session or "")
    if owner is None:
        reason = live.unclaimed.get(wait.uid)
        return f"nobody yet: {reason}" if reason else "nobody yet"
    engine = f"{owner.kind} {owner.pid} on {owner.hostname}"
    runner = live.runners.get(wait.uid)
    return engine if runner is None else f"{engine}, {runner}"
