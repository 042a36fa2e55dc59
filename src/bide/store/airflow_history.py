"""Reads which DAGs Airflow's metadata database knows, and their newest runs; nothing is written there.

Columns have changed from release to release: what one of them does not have is left out. Runs of releases before
2.2 had no ids, and can't be read.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

import sqlalchemy as sa

from bide.model.errors import InvalidArgument
from bide.model.ids import NOT_MAPPED
from bide.model.run_types import RunType
from bide.model.values import encode
from bide.store.airflow_database import NotReadable, find_table, open_airflow_database

#: Instances and results are asked for of so many runs at once.
_RUNS_AT_ONCE: Final = 100
#: Kinds of runs that follow a schedule: the next one follows them.
_AUTOMATED: Final = ("scheduled", "backfill")
_TYPES: Final = {"dataset_triggered": RunType.ASSET_TRIGGERED, "asset_materialization": RunType.ASSET_TRIGGERED}
#: Timetables of Airflow 3 that make a run at each tick, without data intervals.
_TICKING: Final = ("CronTriggerTimetable", "DeltaTriggerTimetable")


class PastXCom(NamedTuple):
    """A result that a task has left; those that are no plain JSON are not read."""

    task_id: str
    map_index: int
    key: str
    value: bytes
    #: How many elements it has; None if it is nothing that a task can be expanded over.
    length: int | None


class PastInstance(NamedTuple):
    """A task instance, as Airflow has left it."""

    task_id: str
    map_index: int
    #: In Airflow's words; None if it was not begun.
    state: str | None
    try_number: int
    max_tries: int
    operator: str
    pool: str
    pool_slots: int
    queue: str
    priority_weight: int
    start_date: datetime | None
    end_date: datetime | None
    duration: float | None


class PastRun(NamedTuple):
    """A run, as Airflow has left it."""

    run_id: str
    run_type: RunType
    state: str
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    run_after: datetime
    start_date: datetime | None
    end_date: datetime | None
    #: JSON object; empty if it was none of plain values.
    conf: bytes
    by: str
    instances: Sequence[PastInstance] = ()
    xcoms: Sequence[PastXCom] = ()

    @property
    def has_begun(self) -> bool:
        """Whether a task of it was touched."""
        return self.state not in ("queued", "running") or any(one.state is not None for one in self.instances)


class PastDag(NamedTuple):
    """A DAG that Airflow knows, with its newest runs, the earliest first."""

    dag_id: str
    is_paused: bool
    #: Whether its runs begin at ticks, as Airflow 3 understands cron expressions by default.
    is_ticking: bool
    runs: Sequence[PastRun] = ()


def read_history(url: str, newest: int) -> Iterator[PastDag]:
    """The DAGs that Airflow's database at `url` knows, with as many of the `newest` runs of each.

    The newest run by schedule is always among them: the next one follows it. Raises :class:`NotReadable`.
    """
    with open_airflow_database(url) as connection:
        reader = _Reader(connection)
        for row in reader.dags():
            found = reader.runs(row, newest)
            timetable = str(row.get("timetable_type")).rpartition(".")[2]
            is_ticking = reader.is_of_3 and timetable in _TICKING
            yield PastDag(str(row["dag_id"]), bool(row["is_paused"]), is_ticking, found)


def check_history(url: str) -> None:
    """Raise :class:`NotReadable` unless :func:`read_history` can read the database at `url`."""
    with open_airflow_database(url) as connection:
        _Reader(connection)


class _Reader:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._dag, self._run = find_table(connection, "dag"), find_table(connection, "dag_run")
        self._instance, self._xcom = find_table(connection, "task_instance"), find_table(connection, "xcom")
        self.is_of_3 = "is_stale" in self._dag.c
        if "run_id" not in self._instance.c or "data_interval_end" not in self._run.c:
            raise NotReadable(
                "runs of Airflow before 2.2 can't be taken over: upgrade its database by `airflow db upgrade` of a "
                "later release, or leave runs out by --no-history"
            )
        self._date = self._run.c["logical_date" if "logical_date" in self._run.c else "execution_date"]

    def dags(self) -> list[Mapping[str, Any]]:
        """The DAGs that were there when Airflow last looked."""
        columns = self._dag.c
        query = sa.select(self._dag).order_by(columns.dag_id)
        query = query.where(~columns.is_stale if self.is_of_3 else columns.is_active)
        if "is_subdag" in columns:
            query = query.where(sa.or_(columns.is_subdag.is_(None), ~columns.is_subdag))
        return [dict(row) for row in self._connection.execute(query).mappings()]

    def runs(self, dag: Mapping[str, Any], newest: int) -> list[PastRun]:
        """The newest runs of a DAG, the earliest first."""
        of_run = self._run.c
        query = (
            sa.select(self._run)
            .where(of_run.dag_id == dag["dag_id"])
            .order_by(sa.func.coalesce(of_run.data_interval_end, self._date, of_run.queued_at).desc())
        )
        automated = query.where(of_run.run_type.in_(_AUTOMATED)).limit(newest or 1)
        rows = {row["run_id"]: row for row in self._connection.execute(automated).mappings()}
        rows |= {row["run_id"]: row for row in self._connection.execute(query.limit(newest)).mappings()}
        found = [_run_of(dict(row), str(self._date.key), dag) for row in rows.values()]
        instances, xcoms = self._instances(found, dag["dag_id"]), self._xcoms(found, dag["dag_id"])
        found = [
            one._replace(instances=instances.get(one.run_id, []), xcoms=xcoms.get(one.run_id, [])) for one in found
        ]
        return _kept(sorted(found, key=lambda one: one.run_after), newest)

    def _instances(self, runs: Sequence[PastRun], dag_id: str) -> dict[str, list[PastInstance]]:
        found: dict[str, list[PastInstance]] = {}
        for row in self._of_runs(self._instance, runs, dag_id):
            found.setdefault(row["run_id"], []).append(_instance_of(row))
        return found

    def _xcoms(self, runs: Sequence[PastRun], dag_id: str) -> dict[str, list[PastXCom]]:
        found: dict[str, list[PastXCom]] = {}
        if "run_id" in self._xcom.c:
            for row in self._of_runs(self._xcom, runs, dag_id):
                xcom = _xcom_of(row)
                if xcom is not None:
                    found.setdefault(row["run_id"], []).append(xcom)
        return found

    def _of_runs(self, table: sa.Table, runs: Sequence[PastRun], dag_id: str) -> Iterator[dict[str, Any]]:
        for first in range(0, len(runs), _RUNS_AT_ONCE):
            ids = [one.run_id for one in runs[first : first + _RUNS_AT_ONCE]]
            query = sa.select(table).where(table.c.dag_id == dag_id, table.c.run_id.in_(ids))
            yield from (dict(row) for row in self._connection.execute(query).mappings())


def _kept(runs: Sequence[PastRun], newest: int) -> list[PastRun]:
    """`runs` without those that the schedule made last and that nobody has begun: they are made anew here."""
    waiting: set[str] = set()
    for run in reversed(runs):
        if run.run_type is RunType.SCHEDULED:
            if run.has_begun:
                break
            waiting.add(run.run_id)
    kept = [run for run in runs if run.run_id not in waiting]
    last = next((run for run in reversed(kept) if run.run_type is RunType.SCHEDULED), None)
    chosen = kept[-newest:] if newest else []
    return chosen if last is None or last in chosen else [last, *chosen]


def _run_of(row: Mapping[str, Any], date: str, dag: Mapping[str, Any]) -> PastRun:
    logical_date = _moment(row[date])
    start, end = _moment(row["data_interval_start"]), _moment(row["data_interval_end"])
    kind = str(row["run_type"])
    if kind in _AUTOMATED and (start is None or end is None):
        # It was made by a release that had no intervals; where the next one begins has been worked out since.
        start, end = logical_date, _moment(dag.get("next_dagrun_data_interval_start")) or logical_date
    run_after = _moment(row.get("run_after")) or end or logical_date or _moment(row["queued_at"])
    return PastRun(
        run_id=str(row["run_id"]),
        # There, the next run by schedule follows those of backfills as well.
        run_type=RunType.SCHEDULED if kind in _AUTOMATED else _TYPES.get(kind) or _known_type(kind),
        state=str(row["state"]),
        logical_date=logical_date,
        data_interval_start=start,
        data_interval_end=end,
        run_after=run_after or _moment(row["start_date"]) or datetime.fromtimestamp(0, UTC),
        start_date=_moment(row["start_date"]),
        end_date=_moment(row["end_date"]),
        conf=_conf(row["conf"]),
        by=row.get("triggering_user_name") or "airflow",
    )


def _known_type(kind: str) -> RunType:
    return RunType(kind) if kind in set(RunType) else RunType.MANUAL


def _instance_of(row: Mapping[str, Any]) -> PastInstance:
    return PastInstance(
        task_id=str(row["task_id"]),
        map_index=row.get("map_index", NOT_MAPPED),
        state=row["state"],
        try_number=row["try_number"] or 0,
        max_tries=max(row["max_tries"] or 0, 0),
        operator=row["operator"] or "",
        pool=row["pool"],
        pool_slots=row.get("pool_slots") or 1,
        queue=row["queue"] or "default",
        priority_weight=row["priority_weight"] or 1,
        start_date=_moment(row["start_date"]),
        end_date=_moment(row["end_date"]),
        duration=row["duration"],
    )


def _xcom_of(row: Mapping[str, Any]) -> PastXCom | None:
    value = row["value"]
    try:
        if isinstance(value, bytes):
            value = json.loads(value)
        if not _is_plain(value):
            return None
        encoded = encode(value, what="")
    except (ValueError, InvalidArgument, RecursionError):
        # Pickled, or of a package's own form.
        return None
    length = len(cast("list[object]", value)) if isinstance(value, list | dict) else None
    return PastXCom(str(row["task_id"]), row.get("map_index", NOT_MAPPED), str(row["key"]), encoded, length)


def _is_plain(value: object) -> bool:
    """Whether a value is what it looks like, and not the written form of an object."""
    if isinstance(value, dict):
        items = cast("dict[str, object]", value)
        return not {"__classname__", "__type"} & items.keys() and all(map(_is_plain, items.values()))
    return all(map(_is_plain, cast("list[object]", value))) if isinstance(value, list) else True


def _conf(value: object) -> bytes:
    """The configuration of a run: JSON in Airflow 3, pickled in Airflow 2."""
    try:
        if isinstance(value, bytes):
            value = _Plain(io.BytesIO(value)).load()
        return json.dumps(value, allow_nan=False).encode() if isinstance(value, dict) else b"{}"
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError, RecursionError):
        return b"{}"


class _Plain(pickle.Unpickler):
    """Reads numbers, texts, lists and dicts; nothing that is pickled is ever called."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is no plain value")


def _moment(value: datetime | None) -> datetime | None:
    """Without a time zone it is UTC."""
    return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
