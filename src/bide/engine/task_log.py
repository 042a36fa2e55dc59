"""Lines that the engine itself adds to a task's log: why it ended, where its own code could not say so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bide.control.start_tasks import log_path_of
from bide.model.log_path import LogLayout
from bide.observe.log import PathSink, format_line
from bide.store import Store, Tx, instances, runs


class TaskLog:
    """Appends to the logs of instances, after the commit that the line is about."""

    def __init__(self, store: Store, logs: LogLayout) -> None:
        self._store = store
        self._logs = logs

    async def append(self, errors: Mapping[str, str]) -> None:
        """Add one line per instance (by uid) to the log of its current try."""
        if not errors:
            return
        paths = await self._store.read(lambda tx: self._paths(tx, errors))
        created = self._store.clock.now().timestamp()
        lines = {paths[uid]: format_line("ERROR", "bide.engine", errors[uid], created) for uid in paths}
        await asyncio.to_thread(_write, lines)

    def _paths(self, tx: Tx, errors: Mapping[str, str]) -> dict[str, Path]:
        rows = instances.get_many(tx, errors.keys())
        run_rows = runs.get_many(tx, list({row.run_uid for row in rows.values()}))
        return {uid: log_path_of(row, run_rows[row.run_uid], self._logs) for uid, row in rows.items()}


def _write(lines: Mapping[Path, str]) -> None:
    for path, line in lines.items():
        PathSink(path).write(line)
