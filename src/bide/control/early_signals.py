"""Signals that came before their task waited for them."""

from __future__ import annotations

from collections.abc import Sequence

from bide.control.accept_event import WaitEnding, end_waits
from bide.control.outcomes import kept_outcome
from bide.store import Tx, signals
from bide.store.waits import WaitRow


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
