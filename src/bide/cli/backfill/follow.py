"""Following a backfill to its end, with a bar on a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from bide.cli.engines import find_engines
from bide.config.resolved import Config
from bide.store import Store, Tx
from bide.store.backfill_views import BackfillView

#: Seconds between two looks, at least and at most.
_SHORTEST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0
#: What the bar tells beside how many dates are done.
_TOLD: Final = ("running", "failed")

Show = Callable[[BackfillView], None]


async def follow_backfill(config: Config, store: Store, look: Callable[[Tx], BackfillView]) -> BackfillView:
    """Look whenever something has changed, until the backfill is over and its runs are; as it then is."""
    listener = store.bell.listen("history")
    clients = [] if config.is_shared else [one.client for one in await find_engines(config, store)]
    hearing = [asyncio.create_task(one.listen(store.bell, "history")) for one in clients if one is not None]
    try:
        with _bar() as show:
            while True:
                view = await store.read(look)
                show(view)
                if view.row.completed_at is not None and view.done == view.row.total:
                    return view
                await asyncio.sleep(_SHORTEST_PAUSE)
                await listener.wait(_LONGEST_PAUSE)
    finally:
        store.bell.leave(listener)
        for task in hearing:
            task.cancel()
        await asyncio.gather(*hearing, return_exceptions=True)


@contextmanager
def _bar() -> Generator[Show]:
    """A bar on the terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("backfill", total=None, told="")

        def show(view: BackfillView) -> None:
            told = [f"{view.counts[name]} {name}" for name in _TOLD if view.counts.get(name)]
            bar.update(
                task,
                description=f"{view.row.dag_id}: {view.row.state}",
                completed=view.done,
                total=view.row.total,
                told=", ".join(told),
            )

        yield show
