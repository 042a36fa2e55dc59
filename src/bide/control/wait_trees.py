"""What the ends of leaves mean for the trees of waits that they are parts of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bide.control.outcomes import kept_outcome, write_outcome
from bide.model.wait_tree import Node, NodeEnd, WaitTree
from bide.store import Tx, waits
from bide.store.waits import PartEnd, WaitRow
from bide.wire.messages import Outcome


class PartOver(NamedTuple):
    """A part of a tree that is over, by an outcome or, where that is None, by an error."""

    row: WaitRow
    outcome: Outcome | None
    error: str


class TreesAfter(NamedTuple):
    """What became of the trees."""

    #: Roots of the trees that are over, and how.
    over: list[PartOver]
    #: Parts whose end was the first, by their instance.
    taken: dict[str, set[str]]


def settle_trees(tx: Tx, ends: Sequence[PartOver]) -> TreesAfter:
    """Note how parts ended, drop what nobody waits for any more, and find the trees that are over.

    A part that is gone, or that ended before, changes nothing. An outcome that ends the task ends the whole tree.
    """
    rows: dict[str, dict[str, WaitRow]] = {}
    for row in waits.lock_trees(tx, {one.row.instance_uid for one in ends}):
        rows.setdefault(row.instance_uid, {})[row.uid] = row
    trees = {uid: WaitTree([_node(row) for row in parts.values()]) for uid, parts in rows.items()}
    after = TreesAfter([], {})
    noted: dict[str, NodeEnd] = {}
    dropped: set[str] = set()
    finished: set[str] = set()
    for one in ends:
        uid = one.row.instance_uid
        part = rows.get(uid, {}).get(one.row.uid)
        if uid in finished or part is None or part.uid in dropped or part.ended_at is not None or part.uid in noted:
            continue
        after.taken.setdefault(uid, set()).add(part.uid)
        if one.outcome is not None and one.outcome.kind != "event":
            over = PartOver(_root(rows[uid]), one.outcome, "")
        else:
            settled = trees[uid].settle(one.row.uid, _node_end(one))
            noted.update(settled.ended)
            dropped |= settled.dropped
            over = None if settled.root is None else _over(_root(rows[uid]), settled.root)
        if over is not None:
            finished.add(uid)
            after.over.append(over)
    gone = {part for uid in finished for part in rows[uid]}
    _store(tx, {part: end for part, end in noted.items() if part not in gone}, dropped - gone)
    if dropped or finished:
        tx.ring("drops")
    return after


def _store(tx: Tx, ends: Mapping[str, NodeEnd], dropped: set[str]) -> None:
    waits.end_parts(
        tx,
        [
            PartEnd(uid, None if end.payload is None else write_outcome(Outcome("event", end.payload)), end.error)
            for uid, end in ends.items()
        ],
    )
    waits.delete(tx, dropped, ring=False)


def _node(row: WaitRow) -> Node:
    end: NodeEnd | None = None
    if row.ended_at is not None and row.outcome is None:
        end = NodeEnd(None, row.error)
    elif row.ended_at is not None:
        outcome, error = kept_outcome(row.outcome, f"wait {row.name}")
        end = NodeEnd(None if outcome is None else outcome.payload, error)
    return Node(row.uid, row.parent_uid, row.name, row.needed, end)


def _node_end(one: PartOver) -> NodeEnd:
    return NodeEnd(None, one.error) if one.outcome is None else NodeEnd(one.outcome.payload)


def _over(root: WaitRow, end: NodeEnd) -> PartOver:
    return PartOver(root, None if end.payload is None else Outcome("event", end.payload), end.error)


def _root(rows: Mapping[str, WaitRow]) -> WaitRow:
    return next(row for row in rows.values() if row.parent_uid is None)
