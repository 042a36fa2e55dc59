"""Which run of a DAG starts next, where more wait than may run.

Kinds of runs (scheduled, by hand, of a backfill, ...) take turns, so that a long catch-up or backfill holds up
neither scheduled runs nor those that a person asks for, and is not held up by them for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from bide.model.run_types import RunType

BACKFILL: Final = RunType.BACKFILL_JOB.value

Run = TypeVar("Run")
#: What orders runs of one kind, and kinds that have as much: the smaller comes first.
Age = tuple[Any, ...]


class Share(NamedTuple):
    """What decides between a DAG's backfill and its other runs."""

    #: Of the runs under way, the part that is the backfill's while others wait as well: between 0 and 1.
    share: float = 0.5
    #: What the backfill is owed of the next start for which both have the same right.
    turn: float = 0.0
    #: How many of its runs may be under way.
    most: int = 1


def share_out(
    waiting: Mapping[str, Sequence[tuple[Age, Run]]], active: Mapping[str, int], limit: int, share: Share
) -> tuple[list[tuple[Age, Run]], float]:
    """Those that start, in order, and what the backfill is owed then.

    `waiting` has runs by kind, `active` how many run by kind, `limit` how many may. Of kinds other than backfill
    that of which the fewest run goes next, then the oldest. A backfill goes before them as long as it has less than
    its share; where both have the same right, it goes in that part of the cases.
    """
    left = {kind: sorted(runs, key=_age, reverse=True) for kind, runs in waiting.items()}
    running = dict(active)
    turn, chosen = share.turn, list[tuple[Age, Run]]()
    for _ in range(limit - sum(active.values())):
        others = [kind for kind, runs in left.items() if runs and kind != BACKFILL]
        mine = running.get(BACKFILL, 0)
        is_waiting = bool(left.get(BACKFILL)) and mine < share.most
        if not others and not is_waiting:
            break
        if others and is_waiting:
            goes, turn = _prefers(mine, sum(running.values()) - mine, share.share, turn)
        else:
            goes = is_waiting
        kind = BACKFILL if goes else min(others, key=lambda one: (running.get(one, 0), left[one][-1][0]))
        running[kind] = running.get(kind, 0) + 1
        chosen.append(left[kind].pop())
    return chosen, turn


def _prefers(mine: int, theirs: int, share: float, turn: float) -> tuple[bool, float]:
    """Whether the backfill goes next, and what it is owed then."""
    has, due = mine * (1 - share), theirs * share
    if has != due:
        return has < due, turn
    owed = turn + share
    return (True, owed - 1) if owed >= 1 else (False, owed)


def _age(one: tuple[Age, Any]) -> Age:
    return one[0]
