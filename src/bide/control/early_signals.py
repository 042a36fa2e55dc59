"""What arming a wait means for its signals: those that came before it, and callback URLs that end with it.

A sensor that has been rescheduled waits for time, and for any signal: that makes it look at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bide.control.accept_event import WaitEnding, end_waits
from bide.control.outcomes import kept_outcome
from bide.store import Tx, signals, transitions
from bide.store.instances import InstanceRow
from bide.store.transitions import Guard
from bide.store.waits import WaitRow


def limit_callbacks(tx: Tx, armed: Sequence[WaitRow]) -> None:
    """Let the callback URLs that `armed` wait for expire with them."""
    rows = {row.uid: row for row in armed}
    ends: dict[str, dict[str, datetime]] = {}
    for row in armed:
        if row.signal_name is not None and (end := _end_of(row, rows)) is not None:
            ends.setdefault(row.instance_uid, {})[row.signal_name] = end
    for instance_uid, by_name in ends.items():
        signals.limit(tx, instance_uid, by_name)


def _end_of(row: WaitRow, rows: Mapping[str, WaitRow]) -> datetime | None:
    """The first deadline of `row` and of what it is a part of."""
    ends = [] if row.deadline is None else [row.deadline]
    while row.parent_uid is not None:
        row = rows[row.parent_uid]
        ends += [] if row.deadline is None else [row.deadline]
    return min(ends, default=None)


def take_early_signals(tx: Tx, armed: Sequence[WaitRow]) -> None:
    """End those of `armed`, which were stored just now, whose signals are there already: one signal for each."""
    waiting = [row for row in armed if row.signal_name is not None]
    if not waiting:
        return
    found: dict[tuple[str, str], list[signals.SignalRow]] = {}
    for one in signals.early(tx, {row.instance_uid for row in waiting}):
        found.setdefault((one.instance_uid, one.name), []).append(one)
    taken: list[str] = []
    pairs: list[tuple[WaitRow, WaitEnding]] = []
    for row in waiting:
        arrived = found.get((row.instance_uid, row.signal_name or ""))
        if arrived:
            one = arrived.pop(0)
            taken.append(one.uid)
            pairs.append((row, WaitEnding(row.uid, row.token, *kept_outcome(one.outcome, f"signal {one.name}"))))
    signals.consume(tx, taken)
    end_waits(tx, pairs, by="signal")


def take_early_looks(tx: Tx, rescheduled: Sequence[InstanceRow]) -> None:
    """Let those of `rescheduled` look again at once that were sent a signal while they looked."""
    found = signals.early(tx, {row.uid for row in rescheduled}) if rescheduled else []
    if found:
        signals.consume(tx, [one.uid for one in found])
        told = {one.instance_uid for one in found}
        look_at_once(tx, [row for row in rescheduled if row.uid in told])


def look_at_once(tx: Tx, rescheduled: Sequence[InstanceRow]) -> bool:
    """up_for_reschedule → scheduled, before its time; False if all had moved on."""
    guards = [Guard(row.uid, row.epoch, {"due_at": None, "scheduled_at": tx.now}) for row in rescheduled]
    return bool(transitions.apply(tx, "poke_due", guards, by="signal"))
