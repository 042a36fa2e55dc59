"""Make a DAG run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from bide.control.deadlines import set_deadlines
from bide.model.errors import Conflict, InvalidArgument, NotFound
from bide.model.ids import check_run_id
from bide.model.param_schema import problem_of_values
from bide.model.states import RunState
from bide.model.timetables import Interval, manual_interval
from bide.store import Store, Tx, dags, runs, sessions, specs, timetable_questions, watches
from bide.store.claiming import decide_alone
from bide.store.dags import DagRow
from bide.store.ids import new_id
from bide.store.runs import RunRow

#: Years of logical dates: schedules look some years before and after one.
FIRST_YEAR: Final = 100
LAST_YEAR: Final = 9899


async def create_run(
    store: Store,
    dag_id: str,
    *,
    run_type: str = "manual",
    conf: dict[str, Any] | None = None,
    logical_date: datetime | None = None,
    run_after: datetime | None = None,
    run_id: str | None = None,
    note: str | None = None,
    by: str,
) -> RunRow:
    """Make a run of `dag_id`, queued, with an instance per task. `note` is for people.

    It starts when there is room, and not before `run_after`.

    Raises :class:`NotFound` for an unknown DAG, :class:`Conflict` if there is a run of that id, and
    :class:`InvalidArgument` if `conf` is no JSON object, or not as the DAG's params say, or `logical_date` is so
    far away that no schedule can count from it.
    """
    if logical_date is not None and not FIRST_YEAR <= logical_date.year <= LAST_YEAR:
        raise InvalidArgument(
            f"logical_date {logical_date.isoformat()} is out of range: its year must be {FIRST_YEAR} to {LAST_YEAR}"
        )

    def work(tx: Tx) -> RunRow:
        found = dags.find(tx, dag_id)
        if found is None or not found.is_active:
            gone = "" if found is None else f" any more: {found.fileloc} no longer makes it"
            raise NotFound(f"there is no DAG {dag_id!r}{gone}")
        given = {} if conf is None else conf
        check_conf(tx, found, given)
        at = logical_date or run_after or tx.now
        schedule = specs.structure_of(tx, found.version_uid).spec.schedule
        run = make_run(
            tx,
            found,
            run_id=run_id or f"{run_type}__{at.isoformat()}",
            run_type=run_type,
            logical_date=at,
            interval=None if schedule.kind == "custom" else manual_interval(schedule, at),
            run_after=run_after or tx.now,
            conf=given,
            by=by,
        )
        if schedule.kind == "custom":
            timetable_questions.ask_interval(tx, dag_id, run.uid)
        if note:
            runs.set_note(tx, run.uid, note)
        sessions.audit(tx, "trigger_dag_run", owner=by, dag_id=dag_id, run_id=run.run_id)
        return run

    return await store.write(work)


def check_conf(tx: Tx, found: DagRow, conf: dict[str, Any]) -> None:
    """Raise :class:`InvalidArgument` naming the first param of the DAG that `conf` leaves without a good value."""
    spec = specs.structure_of(tx, found.version_uid).spec
    if spec.param_specs and isinstance(conf, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  from people
        problem = problem_of_values(spec.param_specs, spec.params, conf)
        if problem:
            raise InvalidArgument(f"DAG {spec.dag_id!r}, {problem}")


class NewRun(NamedTuple):
    """What sets a run apart from others that are made with it."""

    run_id: str
    logical_date: datetime | None
    interval: Interval | None
    run_after: datetime


def make_run(
    tx: Tx,
    found: DagRow,
    *,
    run_id: str,
    run_type: str,
    logical_date: datetime | None,
    interval: Interval | None,
    run_after: datetime,
    conf: dict[str, Any],
    by: str,
) -> RunRow:
    """Insert a queued run of the DAG's newest version. Raises :class:`Conflict` if there is a run of that id."""
    one = NewRun(run_id, logical_date, interval, run_after)
    (run,) = make_runs(tx, found, [one], run_type=run_type, conf=conf, by=by)
    if run is None:
        raise Conflict(taken(found.dag_id, run_id))
    return run


def make_runs(
    tx: Tx,
    found: DagRow,
    asked: Sequence[NewRun],
    *,
    run_type: str,
    conf: dict[str, Any],
    by: str,
    backfill_id: int | None = None,
) -> list[RunRow | None]:
    """Insert queued runs of the DAG's newest version: the statements are as many for one as for a hundred.

    The answer has them in the order of `asked`, with None for each whose id a run has already. Raises
    :class:`Conflict` if the DAG may have no runs of that type.
    """
    structure = specs.structure_of(tx, found.version_uid)
    allowed = structure.spec.allowed_run_types
    if allowed and run_type not in allowed:
        raise Conflict(
            f"DAG {found.dag_id!r} may have no {run_type} runs: its allowed_run_types are {', '.join(allowed)}"
        )
    for one in asked:
        check_run_id(one.run_id)
    ids = runs.taken_ids(tx, found.dag_id, [one.run_id for one in asked])
    dates = runs.taken_dates(tx, found.dag_id, {one.logical_date for one in asked if one.logical_date is not None})
    # Somebody may begin to wait for these runs at this moment: one of both has to see the other.
    decide_alone(tx, "watch_runs")
    is_watched = watches.any_of(tx, found.dag_id)
    encoded = encode_conf(conf)
    answer: list[RunRow | None] = []
    for one in asked:
        if one.run_id in ids:
            answer.append(None)
            continue
        watched = is_watched and watches.touch(tx, found.dag_id, one.run_id, one.logical_date)
        answer.append(
            RunRow(
                uid=new_id(tx.now),
                dag_id=found.dag_id,
                run_id=one.run_id,
                run_type=run_type,
                state=RunState.QUEUED,
                logical_date=one.logical_date,
                shares_date=one.logical_date in dates,
                data_interval_start=None if one.interval is None else one.interval.start,
                data_interval_end=None if one.interval is None else one.interval.end,
                run_after=one.run_after,
                conf=encoded,
                version_uid=found.version_uid,
                unfinished=structure.first_instances,
                start_date=None,
                watched=watched,
                backfill_id=backfill_id,
            )
        )
        ids.add(one.run_id)
        if one.logical_date is not None:
            dates.add(one.logical_date)
    made = [run for run in answer if run is not None]
    if made:
        runs.insert(tx, made, structure, triggered_by=by)
        set_deadlines(tx, made, structure.spec)
    return answer


def taken(dag_id: str, run_id: str) -> str:
    """Why a run of that id is not made."""
    return f"DAG {dag_id!r} has a run {run_id!r} already"


def encode_conf(conf: dict[str, Any]) -> bytes:
    """`conf` as it is stored. Raises :class:`InvalidArgument` if it is no JSON object."""
    if not isinstance(conf, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  it comes from people
        raise InvalidArgument(f"conf must be a JSON object, not {type(conf).__name__}")
    try:
        encoded = json.dumps(conf, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"conf must be a JSON object: {error}") from error
    try:
        msgspec.json.decode(encoded)  # as whoever reads it does
    except msgspec.DecodeError as error:
        raise InvalidArgument(
            f"conf has text that is none in Unicode, such as half a surrogate pair: {error}"
        ) from None
    return encoded
