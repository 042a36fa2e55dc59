"""The display of a run is a function of rows and time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from rich.console import Console

from bide.cli.run.display import choose_tasks, describe_wait, draw_run
from bide.cli.run.lines import change_lines
from bide.cli.run.picture import RunPicture, TaskPicture, WaitPicture
from bide.model.states import RunState, TaskState

NOW = datetime(2026, 3, 29, 3, 31, 12, tzinfo=UTC)
AGO = NOW - timedelta(seconds=64)

EXTRACT = TaskPicture("extract", TaskState.SUCCESS, try_number=1, start=AGO, end=AGO + timedelta(seconds=2))
FILE = WaitPicture("file /data/[x]", "poll", since=AGO, next_look=NOW + timedelta(seconds=5))
WAITING = TaskPicture("wait_file", TaskState.DEFERRED, try_number=1, tries_allowed=1, start=AGO, wait=FILE)
BROKEN = TaskPicture(
    "load", TaskState.FAILED, try_number=2, tries_allowed=2, start=AGO, end=NOW, error="ValueError: no rows"
)
RUN = RunPicture(
    "etl", "manual__1", RunState.RUNNING, (EXTRACT, WAITING, TaskPicture("report", TaskState.NONE)), start=AGO
)


def drawn(run: RunPicture, rows: int = 20) -> list[str]:
    console = Console(width=150, record=True, file=None, force_terminal=False, quiet=True)
    with console.capture() as capture:
        console.quiet = False
        console.print(draw_run(run, NOW, rows=rows))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_table_says_what_waits_for_what_since_when() -> None:
    assert drawn(RUN) == [
        "etl  manual__1  running  1m 04s",
        "task       state     try  time    waits for",
        "extract    success   1    2.0s",
        "wait_file  deferred  1    1m 04s  file /data/[x], since 03:30:08 (1m 04s), next look in 5.0s",
        "report     none",
        "1 of 3 tasks done: 1 none, 1 deferred, 1 success",
    ]


def test_a_failed_task_shows_why_and_a_retry_when() -> None:
    again = replace(
        BROKEN, state=TaskState.UP_FOR_RETRY, due_at=NOW + timedelta(seconds=90), tries_allowed=3, map_index=4
    )
    lines = drawn(replace(RUN, tasks=(BROKEN, again)))
    assert lines[2] == "load     failed        2/2  1m 04s  ValueError: no rows"
    assert lines[3] == "load[4]  up_for_retry  2/3  1m 04s  its retry in 1m 30s: ValueError: no rows"


def test_where_room_is_short_what_is_going_on_is_shown() -> None:
    done = tuple(TaskPicture(f"t{number}", TaskState.SUCCESS, map_index=number) for number in range(50))
    tasks = (*done[:25], WAITING, *done[25:], BROKEN)
    assert [task.label for task in choose_tasks(tasks, 3)] == ["t0[0]", "wait_file", "load"]
    assert "... and 49 more tasks" in drawn(replace(RUN, tasks=tasks), rows=3)


def test_timers_and_deadlines_are_said() -> None:
    timer = WaitPicture(
        "until 2026-03-29 04:00:00 UTC",
        "timer",
        since=AGO,
        due_at=NOW + timedelta(minutes=3),
        until=NOW + timedelta(hours=1),
    )
    line = drawn(replace(RUN, tasks=(replace(WAITING, wait=timer),)))[2]
    assert line.endswith("until 2026-03-29 04:00:00 UTC, since 03:30:08 (1m 04s), due in 3m 00s, gives up 04:31:12")


def test_lines_are_printed_once_for_each_change() -> None:
    first = change_lines(None, RUN, NOW)
    assert first == [
        "03:31:12 etl manual__1: 3 tasks",
        "03:31:12 extract success after 2.0s",
        "03:31:12 wait_file deferred: waits for file /data/[x], since 03:30:08 (1m 04s), next look in 5.0s",
    ]
    later = NOW + timedelta(seconds=1)
    assert change_lines(RUN, RUN, later) == []
    again = replace(WAITING, wait=replace(FILE, since=later, next_look=None))
    assert change_lines(RUN, replace(RUN, tasks=(EXTRACT, again)), later) == [
        "03:31:13 wait_file deferred: waits for file /data/[x], since 03:31:13 (0.00s)"
    ]


def test_the_last_line_is_the_result() -> None:
    over = replace(RUN, state=RunState.FAILED, tasks=(EXTRACT, BROKEN), reason="cancelled by ada")
    assert change_lines(RUN, over, NOW) == [
        "03:31:12 load failed after 1m 04s: ValueError: no rows",
        "03:31:12 etl manual__1: failed (cancelled by ada), 2 of 2 tasks done: 1 success, 1 failed",
    ]


def test_times_are_in_the_zone_of_the_display_with_the_date_of_another_day() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=-5)))
    assert describe_wait(replace(FILE, next_look=None), there) == "file /data/[x], since 22:30:08 (1m 04s)"
    old = replace(FILE, since=NOW - timedelta(days=3, hours=1), next_look=None)
    assert describe_wait(old, NOW) == "file /data/[x], since 2026-03-26 02:31 (3d 01h)"
