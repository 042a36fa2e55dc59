"""What the engine's loops ask for is found by an index, whose size follows the work at hand: no scan of history."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy.event

from bide.model.room import Closed
from bide.store import (
    Store,
    Tx,
    asset_events,
    asset_reading,
    backfill_views,
    backfills,
    callback_requests,
    candidates,
    dags,
    deadlines,
    instances,
    obligations,
    pools,
    queued_runs,
    run_order,
    run_timeouts,
    runs,
    sessions,
    signals,
    task_states,
    timetable_questions,
    transitions,
    views,
    waits,
    watchers,
    watches,
    xcoms,
)
from bide.store.backfills import BackfillRow
from bide.store.deadlines import DeadlineRow
from bide.store.schema import metadata, wait
from bide.store.transitions import Guard
from tests.support.clock import START
from tests.support.stores import ON_SQLITE

pytestmark = ON_SQLITE

Ask = Callable[[Tx], Any]
#: The deadline of a task.
LATE = DeadlineRow("u", "d", "r", "a", None, "", "run_after", START)

#: What is asked, and the indexes that it must read. Tables are those whose rows pile up.
BACKFILL = BackfillRow(
    1, "d", START, START, "none", False, False, None, b"{}", 1, 0, False, False, START, "test", START, None
)
QUESTIONS: dict[str, tuple[Ask, set[str]]] = {
    "newest events that are pending": (
        lambda tx: asset_events.newest_pending(tx, "d"),
        {"ix_asset_delivery_pending"},
    ),
    "oldest events that are pending": (
        lambda tx: asset_events.oldest_pending(tx, "d", 5),
        {"ix_asset_delivery_pending"},
    ),
    "a run takes all events": (lambda tx: asset_events.take_all(tx, "d", "r"), {"ix_asset_delivery_pending"}),
    "events of a run": (lambda tx: asset_reading.of_run(tx, "r"), {"ix_asset_delivery_run"}),
    "events of an asset": (lambda tx: asset_reading.of_assets(tx, ["a"]), {"ix_asset_event_asset"}),
    "a run that has not begun": (
        lambda tx: queued_runs.find_unstarted(tx, "d", "asset_triggered"),
        {"ix_dag_run_unfinished"},
    ),
    "watches to look at": (lambda tx: watches.touched(tx, 5), {"ix_watch_touched"}),
    "a watched run changes": (lambda tx: watches.touch(tx, "d", "r", START), {"ix_watch_dag"}),
    "runs by id": (lambda tx: runs.named(tx, "d", ["r"], []), {"sqlite_autoindex_dag_run_2"}),
    "runs by date": (lambda tx: runs.named(tx, "d", [], [START]), {"ix_dag_run_logical_date"}),
    "marks": (lambda tx: instances.read_marks(tx, 10), set()),
    "scheduled": (
        lambda tx: candidates.scheduled(tx, limit=5, without=Closed({"x"}, {"p"}, {"q:2"})),
        {"ix_task_instance_scheduled", "ix_cancel_obligation_holding"},
    ),
    "any scheduled": (candidates.any_scheduled, {"ix_task_instance_scheduled"}),
    "occupancy": (candidates.occupancy, {"ix_task_instance_occupying"}),
    "kept slots": (
        lambda tx: pools.kept_slots(tx, ["p"]),
        {"ix_task_instance_deferred", "ix_task_instance_scheduled"},
    ),
    "due": (lambda tx: instances.due(tx, 5), {"ix_task_instance_due"}),
    "next due": (instances.next_due, {"ix_task_instance_due"}),
    "overdue": (lambda tx: instances.overdue(tx, 5), {"ix_task_instance_deadline"}),
    "next deadline": (instances.next_deadline, {"ix_task_instance_deadline"}),
    "held by others": (lambda tx: instances.held_by_others(tx, "s", 5), {"ix_task_instance_occupying"}),
    "held": (lambda tx: instances.held(tx, ["a"]), {"sqlite_autoindex_task_instance_1"}),
    "instances by uid": (lambda tx: instances.get_many(tx, ["a"]), {"sqlite_autoindex_task_instance_1"}),
    "instances of tasks by run": (
        lambda tx: instances.of_tasks_by_run(tx, ["r"], ["a"]),
        {"sqlite_autoindex_task_instance_2"},
    ),
    "instances of tasks": (lambda tx: instances.of_tasks(tx, "r", ["a"]), {"sqlite_autoindex_task_instance_2"}),
    "instances of runs": (lambda tx: instances.of_runs(tx, ["r"]), {"sqlite_autoindex_task_instance_2"}),
    "runs of a dag": (lambda tx: runs.facts(tx, "d", ["r"]), {"sqlite_autoindex_dag_run_2"}),
    "release held": (lambda tx: obligations.release(tx, ["a"]), {"ix_cancel_obligation_holding"}),
    "signals of instances": (lambda tx: signals.delete_of_instances(tx, ["a"]), {"ix_signal_instance"}),
    "forget signals": (lambda tx: signals.delete_expired(tx, START, 5), {"ix_signal_expires"}),
    "next signal to forget": (signals.next_expiry, {"ix_signal_expires"}),
    "progress of instances": (lambda tx: task_states.delete_progress(tx, ["a"]), {"sqlite_autoindex_task_state_1"}),
    "transition": (
        lambda tx: transitions.apply(tx, "succeed", [Guard("a", 0)], by="test"),
        {"sqlite_autoindex_task_instance_1"},
    ),
    "queued runs": (
        lambda tx: queued_runs.queued(tx, 5),
        {"ix_dag_run_unfinished", "ix_timetable_question_run_uid"},
    ),
    "unfinished runs": (lambda tx: runs.has_unfinished(tx, "d"), {"ix_dag_run_unfinished"}),
    "timetables to ask": (
        lambda tx: timetable_questions.claim(tx, 5, timedelta(1)),
        {"ix_timetable_question_due_at"},
    ),
    "due deadlines": (lambda tx: deadlines.due(tx, 5), {"ix_deadline_due"}),
    "next deadline of a run": (deadlines.next_due, {"ix_deadline_due"}),
    "deadlines of a request": (lambda tx: deadlines.of_request(tx, "r"), {"ix_deadline_request"}),
    "late tasks": (
        lambda tx: deadlines.task_progress(tx, [LATE]),
        {"sqlite_autoindex_task_instance_2"},
    ),
    "tasks that block": (lambda tx: deadlines.blocking(tx, ["r"], 5), {"sqlite_autoindex_task_instance_2"}),
    "average runtime": (lambda tx: deadlines.durations(tx, "d", 5), {"ix_dag_run_recent"}),
    "missed deadlines": (lambda tx: deadlines.views(tx, dag_id="d", missed=True), {"ix_deadline_missed"}),
    "running runs": (lambda tx: queued_runs.count_running(tx, ["d"]), {"ix_dag_run_unfinished"}),
    "active backfills": (backfills.active, {"ix_backfill_active"}),
    "number of runs of a backfill": (
        lambda tx: backfills.count_unfinished(tx, BACKFILL),
        {"ix_dag_run_unfinished"},
    ),
    "runs of a backfill": (lambda tx: backfills.unfinished_runs(tx, BACKFILL), {"ix_dag_run_unfinished"}),
    "next dates": (lambda tx: backfills.next_dates(tx, BACKFILL, 5), {"sqlite_autoindex_backfill_dag_run_1"}),
    "runs of dates": (lambda tx: backfills.existing_runs(tx, "d", [START]), {"ix_dag_run_logical_date"}),
    "dates with their runs": (
        lambda tx: backfill_views.list_dates(tx, 1),
        {"sqlite_autoindex_backfill_dag_run_1", "sqlite_autoindex_dag_run_1"},
    ),
    "run before": (
        lambda tx: run_order.previous(tx, "d", START, scheduled=True),
        {"ix_dag_run_logical_date"},
    ),
    "runs after": (lambda tx: run_order.running_after(tx, "d", START), {"ix_dag_run_unfinished"}),
    "task before": (
        lambda tx: run_order.has_task_before(tx, "d", "t", START),
        {"ix_dag_run_logical_date", "sqlite_autoindex_task_instance_2"},
    ),
    "newest runs": (lambda tx: run_order.newest_states(tx, "d", 3), {"ix_dag_run_recent"}),
    "runs over their time": (lambda tx: run_timeouts.overdue(tx, 5), {"ix_dag_run_deadline"}),
    "next timeout of a run": (run_timeouts.next_deadline, {"ix_dag_run_deadline"}),
    "the only run": (lambda tx: queued_runs.queued(tx, 5, "r"), {"sqlite_autoindex_dag_run_1"}),
    "runs by uid": (lambda tx: runs.get_many(tx, ["r"]), {"sqlite_autoindex_dag_run_1"}),
    "run by id": (lambda tx: runs.find(tx, "d", "r"), {"sqlite_autoindex_dag_run_2"}),
    "taken dates": (lambda tx: runs.taken_dates(tx, "d", {START}), {"ix_dag_run_logical_date"}),
    "taken ids": (lambda tx: runs.taken_ids(tx, "d", ["r"]), {"sqlite_autoindex_dag_run_2"}),
    "watched runs of a DAG": (lambda tx: watches.any_of(tx, "d"), {"ix_watch_dag"}),
    "last interval": (lambda tx: dags.last_interval(tx, "d"), {"ix_dag_run_recent"}),
    "due dags": (lambda tx: dags.due(tx, 5), {"ix_dag_due"}),
    "next due dag": (dags.next_due, {"ix_dag_due"}),
    "dags of a file": (lambda tx: dags.of_file(tx, "/f"), {"ix_dag_fileloc"}),
    "due timers": (lambda tx: waits.due_timers(tx, 5), {"ix_wait_due"}),
    "next timer": (waits.next_timer, {"ix_wait_due"}),
    "overdue waits": (lambda tx: waits.overdue(tx, 5), {"ix_wait_deadline"}),
    "next wait deadline": (waits.next_deadline, {"ix_wait_deadline"}),
    "claim": (lambda tx: waits.claim(tx, "s", 5), {"ix_wait_unclaimed", "ix_wait_group"}),
    "claim starts": (lambda tx: waits.claim_starts(tx, "s", 5), {"ix_wait_start"}),
    "release": (lambda tx: waits.release(tx, "s"), {"ix_wait_session"}),
    "release some": (lambda tx: waits.release(tx, "s", ["w"]), {"sqlite_autoindex_wait_1|ix_wait_session"}),
    "release others": (lambda tx: waits.release_others(tx, "s"), {"ix_wait_session"}),
    "held waits": (lambda tx: waits.held(tx, "s"), {"ix_wait_session"}),
    "waits of instances": (lambda tx: waits.of_instances(tx, ["a"]), {"ix_wait_instance"}),
    "waits by uid": (lambda tx: waits.get_many(tx, ["w"]), {"sqlite_autoindex_wait_1"}),
    "claim watchers": (lambda tx: watchers.claim(tx, "s", 5), {"ix_asset_watcher_group"}),
    "held watchers": (lambda tx: watchers.held(tx, "s"), {"ix_asset_watcher_session"}),
    "release watchers": (lambda tx: watchers.release(tx, "s"), {"ix_asset_watcher_session"}),
    "resumes": (lambda tx: waits.get_resumes(tx, ["a"]), {"sqlite_autoindex_resume_1"}),
    "xcoms": (lambda tx: xcoms.pull(tx, "d", "r", ["t"], ["k"]), {"sqlite_autoindex_xcom_1"}),
    "clear xcoms": (lambda tx: xcoms.clear(tx, "d", "r", "t", -1), {"sqlite_autoindex_xcom_1"}),
    "obligations": (lambda tx: obligations.due(tx, "s", 5), {"ix_cancel_obligation_pending"}),
    "next obligation": (obligations.next_due, {"ix_cancel_obligation_pending"}),
    "live sessions": (sessions.live, {"ix_session_live"}),
    "heartbeat": (lambda tx: sessions.beat(tx, "s"), {"sqlite_autoindex_session_1"}),
    "held by one engine": (lambda tx: instances.held_by(tx, "s"), {"ix_task_instance_occupying"}),
    "cancels given back": (lambda tx: obligations.give_back(tx, "s"), {"ix_cancel_obligation_pending"}),
    "due callbacks": (lambda tx: callback_requests.claim(tx, "s", 5), {"ix_callback_request_due"}),
    "next callbacks": (callback_requests.next_due, {"ix_callback_request_due"}),
    "callbacks of the dead": (
        lambda tx: callback_requests.release_others(tx, "s"),
        {"ix_callback_request_session"},
    ),
    "callbacks of one engine": (lambda tx: callback_requests.release(tx, "s"), {"ix_callback_request_session"}),
    "callbacks of an ending": (lambda tx: callback_requests.exists(tx, "a", 1), {"ix_callback_request_instance"}),
    "callbacks of a run": (lambda tx: callback_requests.pending(tx, "r"), {"ix_callback_request_run"}),
    "last ended": (lambda tx: instances.last_ended(tx, "r", failed=True), {"sqlite_autoindex_task_instance_2"}),
    "history": (lambda tx: views.history(tx, ["a"]), {"ix_task_event_instance"}),
}

#: Reading all of a table that grows with history, by itself or by an index that is as large.
SCAN = re.compile(
    r"SCAN (task_instance|deadline|task_event|dag_run|xcom|wait|cancel_obligation|resume)"
    r"( USING (COVERING )?INDEX (\w+))?$"
)
PARTIAL = {
    str(index.name)
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
#: Read where a row is deleted that others may refer to, which no plan shows.
FOREIGN_KEYS = {"ix_wait_parent"}


async def plans(store: Store, ask: Ask) -> list[str]:
    """The plan of every statement that `ask` executes."""
    statements: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        statements.append((statement, parameters))

    def work(tx: Tx) -> list[str]:
        sqlalchemy.event.listen(store.engine, "before_cursor_execute", note)
        ask(tx)
        sqlalchemy.event.remove(store.engine, "before_cursor_execute", note)
        connection = tx.conn.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        return [
            row[3]
            for statement, parameters in statements
            if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH"))
            for row in connection.execute("EXPLAIN QUERY PLAN " + statement, first_set(parameters))
        ]

    return await store.write(work)


def scans(plan: Iterable[str]) -> list[str]:
    """The lines that tell of reading a growing table as a whole."""
    return [line for line in plan if (found := SCAN.search(line)) and found[4] not in PARTIAL]


def first_set(parameters: Any) -> Any:
    return parameters[0] if isinstance(parameters, list) else parameters


@pytest.mark.parametrize(("ask", "wanted"), QUESTIONS.values(), ids=QUESTIONS)
async def test_the_plan_reads_the_index(store: Store, ask: Ask, wanted: set[str]) -> None:
    plan = await plans(store, ask)
    found = "\n".join(plan)
    for index in wanted:
        assert re.search(rf"(USING|INDEX) ?(COVERING )?(INDEX )?({index})\b", found), found
    assert scans(plan) == []


@pytest.mark.parametrize("name", ["due", "overdue", "next due", "next deadline", "due timers", "queued runs"])
async def test_the_same_for_an_engine_of_one_run(store: Store, name: str) -> None:
    """The scope must not cost the index."""
    asks: dict[str, Ask] = {
        "due": lambda tx: instances.due(tx, 5, "r"),
        "overdue": lambda tx: instances.overdue(tx, 5, "r"),
        "next due": lambda tx: instances.next_due(tx, "r"),
        "next deadline": lambda tx: instances.next_deadline(tx, "r"),
        "due timers": lambda tx: waits.due_timers(tx, 5, "r"),
        "queued runs": lambda tx: queued_runs.queued(tx, 5, "r"),
    }
    assert scans(await plans(store, asks[name])) == []


def test_every_index_of_a_loop_is_in_these_questions() -> None:
    """An index that nothing here reads is either not tested or not needed."""
    named = {part for _, wanted in QUESTIONS.values() for one in wanted for part in one.split("|")}
    assert named | FOREIGN_KEYS >= PARTIAL


def test_ending_a_wait_looks_for_its_children_by_an_index() -> None:
    """No plan shows what the database reads for a foreign key; without an index it is the whole table."""
    children = [
        key.parent for table in metadata.tables.values() for key in table.foreign_keys if key.column.table is wait
    ]
    assert children
    for column in children:
        assert any(next(iter(index.columns)) is column for index in column.table.indexes), column


async def test_what_was_scheduled_together_is_not_sorted(store: Store) -> None:
    """Of ten thousand tasks that were scheduled at once the first few are found without a look at the others."""
    found = await plans(store, lambda tx: candidates.scheduled(tx, limit=2))
    assert not [line for line in found if "FOR RIGHT PART OF ORDER BY" in line or "LAST TERM" in line]
    sorts = [line for line in found if "TEMP B-TREE FOR ORDER BY" in line]
    assert len(sorts) <= 1, "the few that were found are put in order once more"
