"""What a store and a ledger tell of a run, and what must be true of it however often its engine died.

The rules are written down here once more, from the transition table alone; the store is read with plain SQL.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bide.model.states import FINISHED, OCCUPYING, TRANSITIONS, TaskState


class Event(NamedTuple):
    """An entry of ``task_event``."""

    epoch: int
    state: TaskState
    at: datetime
    by: str


class Line(NamedTuple):
    """A line of the ledger."""

    task_id: str
    segment: str
    mark: str
    at: float
    pid: int


@dataclass(frozen=True)
class Snapshot:
    """One run, as a store had it at one moment."""

    run_id: str
    run_state: str
    tries: dict[str, int]
    states: dict[str, TaskState]
    events: dict[str, list[Event]]
    waits: int
    marks: int
    resumes: int

    @classmethod
    def read(cls, database: Path) -> Snapshot:
        """Of the only run in `database`."""
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            ((run_id, run_state),) = connection.execute("SELECT run_id, state FROM dag_run").fetchall()
            tasks = connection.execute("SELECT task_id, state, try_number FROM task_instance").fetchall()
            rows = connection.execute(
                "SELECT task_id, e.epoch, e.state, e.at, e.by FROM task_event e "
                "JOIN task_instance i ON i.uid = e.instance_uid ORDER BY e.id"
            ).fetchall()
            ((waits, marks, resumes),) = connection.execute(
                "SELECT (SELECT count(*) FROM wait), (SELECT count(*) FROM mark), (SELECT count(*) FROM resume)"
            ).fetchall()
        connection.close()
        events: dict[str, list[Event]] = defaultdict(list)
        for task_id, epoch, state, at, by in rows:
            events[task_id].append(Event(epoch, TaskState(state), datetime.fromisoformat(at), by))
        return cls(
            run_id=run_id,
            run_state=run_state,
            tries={task_id: tries for task_id, _, tries in tasks},
            states={task_id: TaskState(state) for task_id, state, _ in tasks},
            events=dict(events),
            waits=waits,
            marks=marks,
            resumes=resumes,
        )

    def finished(self) -> set[str]:
        """Tasks with an acknowledged result."""
        return {task_id for task_id, state in self.states.items() if state in FINISHED}


def read_ledger(path: Path) -> list[Line]:
    """All lines that tasks have written."""
    lines: list[Line] = []
    if path.exists():
        for text in path.read_text().splitlines():
            task_id, segment, mark, at, pid = text.split()
            lines.append(Line(task_id, segment, mark, float(at), int(pid)))
    return lines


def illegal_steps(events: list[Event]) -> list[str]:
    """Pairs of neighbours in a history that no transition allows."""
    problems: list[str] = []
    before = Event(0, TaskState.NONE, datetime.min, "")
    for event in events:
        if not any(
            before.state in transition.sources
            and event.state is transition.target
            and event.epoch - before.epoch == int(transition.fences)
            for transition in TRANSITIONS.values()
        ):
            problems.append(f"{before.state} (epoch {before.epoch}) -> {event.state} (epoch {event.epoch})")
        before = event
    return problems


def assert_sound(snapshot: Snapshot, ledger: list[Line]) -> None:
    """What is true of a run that has succeeded, whatever happened on the way."""
    assert snapshot.run_state == "success"
    assert set(snapshot.states.values()) == {TaskState.SUCCESS}
    for task_id, events in snapshot.events.items():
        assert illegal_steps(events) == [], f"history of {task_id}"
        assert events[-1].state is TaskState.SUCCESS
        _assert_resumed_once(task_id, events)
        _assert_segments(task_id, events, [line for line in ledger if line.task_id == task_id])
    assert not OCCUPYING & set(snapshot.states.values()), "a slot is still taken"
    assert (snapshot.waits, snapshot.marks, snapshot.resumes) == (0, 0, 0), "something is left over"


def _assert_resumed_once(task_id: str, events: list[Event]) -> None:
    """Each deferral ends by being put back in line, once."""
    states = [event.state for event in events]
    for place, state in enumerate(states):
        if state is TaskState.DEFERRED:
            assert states[place + 1] is TaskState.SCHEDULED, f"{task_id}: {states}"


def _assert_segments(task_id: str, events: list[Event], lines: list[Line]) -> None:
    """A segment runs once for each time that it was started, and never again once its end was acknowledged."""
    starts = sum(event.state is TaskState.RUNNING for event in events)
    begins = [line for line in lines if line.mark == "begin"]
    assert len(begins) <= starts, f"{task_id} ran more often than it was started: {begins}"
    order = list(dict.fromkeys(line.segment for line in begins))
    assert [line.segment for line in begins] == sorted((line.segment for line in begins), key=order.index), (
        f"{task_id} went back to a segment that it had left: {begins}"
    )
    ended_at = events[-1].at.timestamp()
    assert all(line.at <= ended_at for line in lines), f"{task_id} did something after its result was acknowledged"


def segments_run(ledger: list[Line]) -> Counter[tuple[str, str]]:
    """How often each segment of each task began."""
    return Counter((line.task_id, line.segment) for line in ledger if line.mark == "begin")
