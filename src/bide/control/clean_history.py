"""Delete old history in small portions, beside engines that work: for the duty, and for ``bide db clean``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from bide.model.log_path import LogLayout, log_path
from bide.model.retention import Keep, Retention
from bide.observe.archive_files import append_lines
from bide.observe.log_files import locate, remove_logs
from bide.store import Store, Tx, old_history
from bide.store.old_history import OldInstance, OldRun
from bide.store.xcom_purges import Elsewhere

#: Runs, and about how many instances, that one transaction deletes: a few milliseconds of the writer.
_RUNS: Final = 25
_INSTANCES: Final = 150
#: Rows of other tables at once.
_ROWS: Final = 500
#: The longest pause between two portions, in seconds.
_LONGEST_PAUSE: Final = 2.0
#: Runs with all that belongs to them.
RUNS: Final = "dag_run"
#: Versions of DAGs to which no run belongs any more.
VERSIONS: Final = "dag_version"
#: What can be cleaned, in this order.
TABLES: Final = (RUNS, VERSIONS, *old_history.OTHERS)


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What is to be deleted, and how."""

    retention: Retention
    #: Only these DAGs; None for all. Tables that are of no DAG are left alone then.
    dag_ids: Collection[str] | None = None
    tables: Collection[str] = TABLES
    #: Where logs of tasks lie.
    logs: LogLayout | None = None
    #: The file to which what is deleted is appended; None to keep nothing.
    archive: Path | None = None
    #: What of XComs lies outside of the store; it is noted and removed by an engine.
    elsewhere: Elsewhere = "none"
    #: How many times as long as a portion took is waited before the next one.
    pace: float = 0.0
    #: Told how many runs have been deleted.
    progress: Callable[[int], None] = field(default=lambda _done: None)


class Cleaned(NamedTuple):
    """How much went, or would go."""

    #: Rows by table; of runs, and their instances.
    rows: dict[str, int]
    #: Log files.
    logs: int = 0


class _Portion(NamedTuple):
    """Runs of one DAG that are deleted together."""

    runs: list[OldRun]
    instances: list[OldInstance]


async def count_history(store: Store, what: Cleaning) -> Cleaned:
    """How much there is to delete: a dry run."""
    rows = dict.fromkeys([RUNS, "task_instance"], 0)
    for dag_id, keep in await _rules(store, what):
        found = await store.read(lambda tx, dag_id=dag_id, keep=keep: _count(tx, dag_id, keep))
        for name, number in found.items():
            rows[name] += number
    for table, before in _others(store, what):
        rows[table] = await store.read(lambda tx, one=table, at=before: old_history.count_others(tx, one, at))
    return Cleaned(rows)


async def clean_history(store: Store, what: Cleaning) -> Cleaned:
    """Delete what is old. What was deleted before an interruption stays deleted, and nothing is left half.

    Raises :class:`~bide.model.errors.ArchiveError` before anything goes that can't be kept in the archive.
    """
    rows = dict.fromkeys([RUNS, "task_instance"], 0)
    logs = 0
    for dag_id, keep in await _rules(store, what):
        while True:
            began = time.monotonic()
            portion = await store.read(lambda tx, dag_id=dag_id, keep=keep: _next_portion(tx, dag_id, keep))
            if not portion.runs:
                break
            if what.archive is not None:
                await _keep(store, portion, what.archive)
            gone = await _delete(store, portion, what)
            rows[RUNS] += len(gone)
            rows["task_instance"] += sum(one.run_uid in gone for one in portion.instances)
            if what.logs is not None:
                logs += await asyncio.to_thread(_remove_logs, what.logs, portion, gone)
            what.progress(rows[RUNS])
            if not gone:
                break  # they go on by now
            await _pause(began, what.pace)
        if VERSIONS in what.tables and await store.read(
            lambda tx, dag_id=dag_id: old_history.unused_versions(tx, dag_id)
        ):
            went = await store.write(lambda tx, dag_id=dag_id: old_history.delete_versions(tx, dag_id))
            rows[VERSIONS] = rows.get(VERSIONS, 0) + went
    for table, before in _others(store, what):
        rows[table] = await _clean_table(store, table, before, what.pace)
    return Cleaned(rows, logs)


async def _rules(store: Store, what: Cleaning) -> list[tuple[str, Keep]]:
    """The DAGs to look at, and what is kept of each."""
    if RUNS not in what.tables and VERSIONS not in what.tables:
        return []
    known = await store.read(old_history.dag_ids)
    none = Keep()
    return [
        (dag_id, what.retention.of(dag_id) if RUNS in what.tables else none)
        for dag_id in known
        if what.dag_ids is None or dag_id in what.dag_ids
    ]


def _others(store: Store, what: Cleaning) -> list[tuple[str, datetime]]:
    """Tables that are of no DAG, and before when their rows go."""
    before = what.retention.usual.before(store.clock.now())
    if before is None or what.dag_ids is not None:
        return []
    return [(table, before) for table in old_history.OTHERS if table in what.tables]


def _find(tx: Tx, dag_id: str, keep: Keep, limit: int) -> list[OldRun]:
    found: list[OldRun] = []
    before = keep.before(tx.now)
    if before is not None:
        found = old_history.old_runs(tx, dag_id, before, limit)
    if keep.runs is not None and len(found) < limit:
        known = {run.uid for run in found}
        found += [run for run in old_history.surplus_runs(tx, dag_id, keep.runs, limit) if run.uid not in known]
    return found[:limit]


def _next_portion(tx: Tx, dag_id: str, keep: Keep) -> _Portion:
    runs = _find(tx, dag_id, keep, _RUNS)
    of_runs = old_history.instances_of(tx, [run.uid for run in runs])
    taken: list[OldRun] = []
    number = 0
    for run in runs:
        mine = sum(one.run_uid == run.uid for one in of_runs)
        if taken and number + mine > _INSTANCES:
            break
        taken.append(run)
        number += mine
    uids = {run.uid for run in taken}
    return _Portion(taken, [one for one in of_runs if one.run_uid in uids])


def _count(tx: Tx, dag_id: str, keep: Keep) -> dict[str, int]:
    runs = _find(tx, dag_id, keep, _EVERYTHING)
    return {RUNS: len(runs), "task_instance": old_history.count_instances(tx, [run.uid for run in runs])}


#: More runs than a DAG has.
_EVERYTHING: Final = 10_000_000


async def _delete(store: Store, portion: _Portion, what: Cleaning) -> set[str]:
    """Delete the runs; the uids of those that went. Of a large run, first most of its instances bit by bit."""
    if len(portion.instances) > _INSTANCES:
        (run,) = portion.runs
        uids = [one.uid for one in portion.instances]
        for first in range(0, len(uids) - _INSTANCES, _INSTANCES):
            began = time.monotonic()
            some = uids[first : first + _INSTANCES]
            await store.write(lambda tx, some=some: old_history.delete_instances(tx, run.uid, some))
            await _pause(began, what.pace)
    return await store.write(lambda tx: old_history.delete_runs(tx, portion.runs, what.elsewhere))


async def _clean_table(store: Store, table: str, before: datetime, pace: float) -> int:
    number = 0
    while True:
        began = time.monotonic()
        went = await store.write(lambda tx: old_history.delete_others(tx, table, before, _ROWS))
        number += went
        if went < _ROWS:
            return number
        await _pause(began, pace)


async def _pause(began: float, pace: float) -> None:
    await asyncio.sleep(min((time.monotonic() - began) * pace, _LONGEST_PAUSE))


async def _keep(store: Store, portion: _Portion, archive: Path) -> None:
    rows = await store.read(lambda tx: old_history.rows_of_runs(tx, portion.runs))
    await asyncio.to_thread(lambda: append_lines(archive, _lines(rows)))


def _lines(rows: dict[str, list[dict[str, Any]]]) -> list[bytes]:
    return [
        msgspec.json.encode({"table": table, **{name: _readable(value) for name, value in row.items()}})
        for table, found in rows.items()
        for row in found
    ]


def _readable(value: Any) -> Any:
    """`value` as JSON has it: what users store is JSON already."""
    return msgspec.Raw(value) if isinstance(value, bytes) else value


def _remove_logs(logs: LogLayout, portion: _Portion, gone: Collection[str]) -> int:
    by_uid = {run.uid: run for run in portion.runs if run.uid in gone}
    return remove_logs(logs.root, _log_files(logs, by_uid, portion.instances))


def _log_files(logs: LogLayout, by_uid: dict[str, OldRun], of_runs: Sequence[OldInstance]) -> list[Path]:
    found: list[Path] = []
    for one in of_runs:
        run = by_uid.get(one.run_uid)
        for number in range(1, one.try_number + 1) if run is not None else ():
            assert run is not None
            relative = log_path(
                run.dag_id,
                one.task_id,
                logical_date=None if run.shares_date else run.logical_date,
                run_id=run.run_id,
                map_index=one.map_index,
                try_number=number,
                template=logs.template,
            )
            found.append(locate(logs.root, relative))
    return found
