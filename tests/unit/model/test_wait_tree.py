"""What the end of a leaf means for the tree above it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.model.values import decode, encode
from bide.model.wait_tree import Node, NodeEnd, Settlement, WaitTree


def event(value: Any) -> NodeEnd:
    return NodeEnd(encode(value, what="event"))


FAILED = NodeEnd(None, "ValueError: no")


def flat(needed: int, *names: str) -> WaitTree:
    return WaitTree([Node("root", None, "", needed), *(Node(name, "root", name, None) for name in names)])


def payload(end: NodeEnd | None) -> Any:
    assert end is not None
    assert end.payload is not None, end.error
    return decode(end.payload)


def test_the_first_of_any_ends_it_and_drops_the_others() -> None:
    after = flat(1, "told", "seen").settle("seen", event(7))
    assert payload(after.root) == {"seen": 7}
    assert after.dropped == {"told"}
    assert set(after.ended) == {"seen"}


def test_all_wait_for_the_last_and_keep_the_order_of_the_ends() -> None:
    tree = flat(3, "0", "1", "2")
    assert tree.settle("2", event("c")) == Settlement({"2": event("c")}, frozenset(), None)
    assert tree.settle("0", event(None)).root is None
    assert list(payload(tree.settle("1", event("b")).root).items()) == [(2, "c"), (0, None), (1, "b")]


def test_some_of_several() -> None:
    tree = flat(2, "a", "b", "c", "d")
    assert tree.settle("b", FAILED).root is None
    assert tree.settle("d", event(1)).root is None
    after = tree.settle("a", event(2))
    assert payload(after.root) == {"d": 1, "a": 2}
    assert after.dropped == {"c"}


def test_any_fails_with_its_last_chance_and_names_each_failure() -> None:
    tree = flat(1, "told", "seen")
    assert tree.settle("told", NodeEnd(None, "too late")).root is None
    root = tree.settle("seen", FAILED).root
    assert root == NodeEnd(
        None, "1 of 2 waits had to have an event, and can't have it: told: too late; seen: ValueError: no"
    )


def test_all_fail_at_the_first_failure() -> None:
    after = flat(2, "a", "b").settle("a", FAILED)
    assert after.root is not None
    assert after.root.error == "all of 2 waits had to have an event, and can't have it: a: ValueError: no"
    assert after.dropped == {"b"}


def nested() -> WaitTree:
    return WaitTree(
        [
            Node("root", None, "", 2),
            Node("left", "root", "left", 1),
            Node("right", "root", "right", None),
            Node("x", "left", "0", None),
            Node("y", "left", "1", 2),
            Node("y1", "y", "a", None),
            Node("y2", "y", "b", None),
        ]
    )


def test_a_part_that_is_over_drops_all_below_it() -> None:
    tree = nested()
    after = tree.settle("x", event("x"))
    assert after.root is None
    assert set(after.ended) == {"x", "left"}
    assert after.dropped == {"y", "y1", "y2"}
    assert payload(tree.settle("right", event("r")).root) == {"left": {0: "x"}, "right": "r"}


def test_a_part_may_time_out_as_a_whole() -> None:
    tree = nested()
    after = tree.settle("left", NodeEnd(None, "over its time"))
    assert after.dropped == {"x", "y", "y1", "y2", "right"}
    assert after.root is not None
    assert "left: over its time" in after.root.error


def test_what_is_over_changes_nothing() -> None:
    tree = nested()
    tree.settle("x", event("x"))
    for uid in ("x", "y1", "left", "unknown"):
        assert tree.settle(uid, event("again")) == Settlement({}, frozenset(), None)


def test_ends_that_were_stored_before_count() -> None:
    tree = WaitTree(
        [Node("root", None, "", 2), Node("a", "root", "a", None, event(1)), Node("b", "root", "b", None)]
    )
    assert payload(tree.settle("b", event(2)).root) == {"a": 1, "b": 2}


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[Node], list[str]]:
    """Nodes of a tree, and its leaves."""
    nodes: list[Node] = []
    leaves: list[str] = []

    def grow(parent: str | None, name: str, depth: int) -> None:
        uid = f"n{len(nodes)}"
        if parent is not None and (depth == 0 or draw(st.booleans())):
            nodes.append(Node(uid, parent, name, None))
            leaves.append(uid)
            return
        count = draw(st.integers(1, 3))
        nodes.append(Node(uid, parent, name, draw(st.integers(1, count))))
        for position in range(count):
            grow(uid, str(position), depth - 1)

    grow(None, "", 3)
    return nodes, leaves


def verdict(nodes: list[Node], known: dict[str, bool], uid: str) -> bool | None:
    """The model: whether a node has an event, failed (False) or is open, from the ends of leaves alone."""
    if uid in known:
        return known[uid]
    node = next(one for one in nodes if one.uid == uid)
    if node.needed is None:
        return None
    below = [verdict(nodes, known, one.uid) for one in nodes if one.parent == uid]
    if below.count(True) >= node.needed:
        return True
    return False if len(below) - below.count(False) < node.needed else None


@given(trees(), st.data())
def test_a_tree_ends_exactly_when_it_is_decided(tree: tuple[list[Node], list[str]], data: st.DataObject) -> None:
    nodes, leaves = tree
    wait = WaitTree(nodes)
    known: dict[str, bool] = {}
    open_leaves = set(leaves)
    for leaf in data.draw(st.permutations(leaves)):
        if leaf not in open_leaves:
            continue
        open_leaves.discard(leaf)
        known[leaf] = data.draw(st.booleans())
        after = wait.settle(leaf, event(leaf) if known[leaf] else FAILED)
        open_leaves -= after.dropped
        expected = verdict(nodes, known, nodes[0].uid)
        assert (None if after.root is None else after.root.payload is not None) == expected
        if after.root is not None:
            assert not open_leaves
            return
    pytest.fail("every leaf has ended, and the tree has not")
