"""Kinds of runs that wait for room of one DAG: no limit is broken, no room is left, and nobody starves."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bide.model.fair_share import BACKFILL, Share, share_out

KINDS = (BACKFILL, "scheduled", "manual")
waits = st.fixed_dictionaries({kind: st.integers(0, 12) for kind in KINDS})
shares = st.floats(0.05, 0.95)


def queue(counts: dict[str, int]) -> dict[str, list[tuple[tuple[int], str]]]:
    """Runs by kind; ages are all different."""
    ages = iter(range(1_000))
    return {kind: [((next(ages),), kind) for _ in range(number)] for kind, number in counts.items()}


@given(counts=waits, active=waits, limit=st.integers(1, 20), most=st.integers(1, 20), share=shares)
def test_limits_hold_and_no_room_is_left(
    counts: dict[str, int], active: dict[str, int], limit: int, most: int, share: float
) -> None:
    waiting = queue(counts)
    chosen, turn = share_out(waiting, active, limit, Share(share, 0.0, most))
    went = Counter(kind for _, kind in chosen)
    room = max(limit - sum(active.values()), 0)
    usable = sum(counts[kind] for kind in KINDS if kind != BACKFILL)
    usable += min(counts[BACKFILL], max(most - active[BACKFILL], 0))
    assert len(chosen) == min(room, usable)
    assert went[BACKFILL] + active[BACKFILL] <= max(most, active[BACKFILL])
    assert 0 <= turn < 1
    for kind in KINDS:
        mine = [age for age, of in chosen if of == kind]
        assert mine == [age for age, _ in waiting[kind]][: len(mine)], "the oldest of a kind goes first"


@given(share=shares, starts=st.integers(1, 60))
def test_with_one_run_at_a_time_both_get_their_share(share: float, starts: int) -> None:
    turn, went = 0.0, Counter[str]()
    for number in range(1, starts + 1):
        ((_, kind),), turn = share_out(queue({BACKFILL: 1, "scheduled": 1}), {}, 1, Share(share, turn, 1))
        went[kind] += 1
        assert abs(went[BACKFILL] - share * number) <= 1 + 1e-9


@given(
    share=shares,
    limit=st.integers(2, 8),
    seed=st.integers(0, 1_000),
    endless=st.sampled_from(["scheduled", "manual"]),
)
def test_a_kind_of_which_nothing_runs_waits_for_few_starts(
    share: float, limit: int, seed: int, endless: str
) -> None:
    """Whoever ends next, and however long the rest goes on, while runs of both kinds always wait."""
    ends, active, turn = random.Random(seed), Counter[str](), 0.0
    patience = int(1 / min(share, 1 - share)) + 1
    without = Counter[str]()
    for _ in range(80):
        waiting = queue({BACKFILL: limit, endless: limit})
        chosen, turn = share_out(waiting, active, limit, Share(share, turn, limit - 1))
        for _, kind in chosen:
            active[kind] += 1
            for other in (BACKFILL, endless):
                without[other] = 0 if kind == other or active[other] else without[other] + 1
        assert max(without.values()) <= patience
        assert active.total() == limit
        active[ends.choice([kind for kind, number in active.items() if number])] -= 1
