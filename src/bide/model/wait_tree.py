"""Trees of waits: what the end of a leaf means for what is above it.

A node is a leaf (one trigger) or a number of children of which so many must have an event: one for any, all of
them for all. It ends with an event as soon as it has them, and fails as soon as it can't get them any more. The
payload of a node is a mapping from the names of those children that have an event to their payloads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bide.model.values import encoded_mapping


class NodeEnd(NamedTuple):
    """How a node ended: with the encoded `payload` of its event, or, where that is None, with an `error`."""

    payload: bytes | None
    error: str = ""


class Node(NamedTuple):
    """One node of a tree; `end` is None while it waits."""

    uid: str
    parent: str | None
    #: Among its siblings: a keyword, or its position in digits.
    name: str
    #: How many children have to have an event; None for a leaf.
    needed: int | None
    end: NodeEnd | None = None


class Settlement(NamedTuple):
    """What follows from an end, apart from the root's own."""

    #: Nodes that have ended, and that what is above them may still ask for.
    ended: Mapping[str, NodeEnd]
    #: Nodes that nobody waits for any more.
    dropped: frozenset[str]
    #: Set when the whole tree is over.
    root: NodeEnd | None


class WaitTree:
    """One tree, given as its nodes in the order in which those that have ended did so."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._nodes = {node.uid: node for node in nodes}
        self._children: dict[str, list[str]] = {}
        for node in self._nodes.values():
            if node.parent is not None:
                self._children.setdefault(node.parent, []).append(node.uid)
        #: Uids of ended nodes, the earliest first.
        self._order = [node.uid for node in self._nodes.values() if node.end is not None]

    def settle(self, uid: str, end: NodeEnd) -> Settlement:
        """Take note of how `uid` ended. What has ended before, or is not waited for any more, changes nothing."""
        ended: dict[str, NodeEnd] = {}
        dropped: set[str] = set()
        current, outcome = uid, end
        if uid not in self._nodes or self._nodes[uid].end is not None:
            return Settlement({}, frozenset(), None)
        while True:
            node = self._nodes[current]
            dropped |= self._drop_below(current)
            self._nodes[current] = node._replace(end=outcome)
            self._order.append(current)
            if node.parent is None:
                return Settlement(ended, frozenset(dropped), outcome)
            ended[current] = outcome
            verdict = self._verdict(node.parent)
            if verdict is None:
                return Settlement(ended, frozenset(dropped), None)
            current, outcome = node.parent, verdict

    def _drop_below(self, uid: str) -> set[str]:
        """Forget what still waits below `uid`."""
        dropped: set[str] = set()
        below = list(self._children.get(uid, ()))
        while below:
            child = below.pop()
            below += self._children.get(child, ())
            if child in self._nodes and self._nodes[child].end is None:
                dropped.add(child)
                del self._nodes[child]
        return dropped

    def _verdict(self, uid: str) -> NodeEnd | None:
        """How the node `uid` ends by what its children are now; None while that is open."""
        needed = self._nodes[uid].needed or 0
        children = self._children[uid]
        over = [self._nodes[child] for child in self._order if child in set(children)]
        events = [(node.name, node.end.payload) for node in over if node.end and node.end.payload is not None]
        if len(events) >= needed:
            return NodeEnd(encoded_mapping([(_key(name), payload) for name, payload in events]))
        failed = [node for node in over if node.end and node.end.payload is None]
        if len(children) - len(failed) >= needed:
            return None
        errors = "; ".join(f"{node.name}: {node.end.error}" for node in failed if node.end)
        count = "all" if needed == len(children) else str(needed)
        return NodeEnd(None, f"{count} of {len(children)} waits had to have an event, and can't have it: {errors}")


def _key(name: str) -> str | int:
    return int(name) if name.isdigit() else name
