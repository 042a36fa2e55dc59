"""Order in graphs: any acyclic graph is ordered, any circle is named."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.model.errors import CycleError
from bide.model.graph import topological_order


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, list[str]]:
    """A graph whose nodes name earlier ones of a hidden order, listed in another order."""
    count = draw(st.integers(0, 12))
    upstream = {
        f"t{index}": draw(st.lists(st.integers(0, max(index - 1, 0)).map("t{}".format), max_size=4))
        if index
        else []
        for index in range(count)
    }
    return {name: upstream[name] for name in draw(st.permutations(list(upstream)))}


@given(acyclic())
def test_every_node_comes_after_those_it_names(upstream: dict[str, list[str]]) -> None:
    order = topological_order(upstream)
    assert sorted(order) == sorted(upstream)
    position = {node: index for index, node in enumerate(order)}
    assert all(position[before] < position[node] for node, befores in upstream.items() for before in befores)


@given(acyclic())
def test_a_circle_is_found_and_is_one(upstream: dict[str, list[str]]) -> None:
    names = list(topological_order(upstream))
    if not names:
        return
    # Close a circle through the last and the first of the order.
    graph = {node: [*befores] for node, befores in upstream.items()}
    graph[names[0]].append(names[-1])
    for before, after in pairwise(names):
        graph[after].append(before)
    with pytest.raises(CycleError) as caught:
        topological_order(graph)
    circle = str(caught.value).rpartition(": ")[2].split(" -> ")
    assert circle[0] == circle[-1] and len(circle) >= 2
    assert all(before in graph[after] for before, after in pairwise(circle))


def test_the_order_of_the_keys_decides_among_equals() -> None:
    assert topological_order({"b": [], "a": [], "c": ["a", "b"]}) == ["b", "a", "c"]


def test_the_circle_reads_in_the_direction_of_the_work() -> None:
    with pytest.raises(CycleError, match=r"in a circle: a -> b -> c -> a$"):
        topological_order({"b": ["a"], "c": ["b"], "a": ["c"], "d": ["c"]})


def test_a_task_after_itself_is_a_circle() -> None:
    with pytest.raises(CycleError, match=r"a -> a$"):
        topological_order({"a": ["a"]})


def test_unknown_names_are_ignored() -> None:
    assert topological_order({"a": ["elsewhere"]}) == ["a"]
