"""What an instance of a mapped task gets, against plain Python: products, zips and chains of real lists."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.dag_specs import dag_spec

from bide.model.dag_spec import TaskSpec, decode_spec, encode_spec
from bide.model.errors import InvalidArgument
from bide.model.map_spec import MapSpec, Source
from bide.model.mapping import (
    MAX_INSTANCES,
    Chosen,
    Element,
    Leaf,
    Zipped,
    count,
    elements,
    leaves,
    literal_lengths,
    source_tasks,
)

FILL = "filled"


class Tree:
    """A source beside the list that it stands for."""

    def __init__(self, source: Source, values: list[Any], lists: list[list[Any]]) -> None:
        self.source = source
        self.values = values
        #: Of its leaves.
        self.lists = lists


def literal(length: int, name: str) -> Tree:
    values = [f"{name}{number}" for number in range(length)]
    return Tree(Source("literal", length=length), values, [values])


def joined(kind: str, longest: bool, parts: list[Tree]) -> Tree:
    lists = [one for part in parts for one in part.lists]
    sources = tuple(part.source for part in parts)
    values = [part.values for part in parts]
    if kind == "concat":
        return Tree(Source("concat", parts=sources), list(itertools.chain(*values)), lists)
    found = itertools.zip_longest(*values, fillvalue=FILL) if longest else zip(*values, strict=False)
    return Tree(Source("zip", parts=sources, longest=longest), list(found), lists)


leaf_trees = st.builds(literal, st.integers(0, 4), st.sampled_from("abcdef"))
trees = st.recursive(
    leaf_trees,
    lambda inner: st.builds(
        joined, st.sampled_from(["zip", "concat"]), st.booleans(), st.lists(inner, min_size=2, max_size=3)
    ),
    max_leaves=6,
)


def value_at(source: Source, place: Element, lists: list[list[Any]]) -> Any:
    if isinstance(place, Leaf):
        return lists[place.number][place.position]
    if isinstance(place, Chosen):
        return value_at(source.parts[place.part], place.element, lists)
    assert isinstance(place, Zipped)
    return tuple(
        FILL if one is None else value_at(part, one, lists)
        for part, one in zip(source.parts, place.parts, strict=True)
    )


@given(st.lists(trees, min_size=1, max_size=3))
def test_instances_are_the_product_in_its_order(arguments: list[Tree]) -> None:
    """The last argument varies fastest, as in nested loops."""
    spec = MapSpec(tuple((f"x{number}", tree.source) for number, tree in enumerate(arguments)))
    lists = [one for tree in arguments for one in tree.lists]
    lengths = [len(one) for one in lists]
    expected = list(itertools.product(*(tree.values for tree in arguments)))
    assert count(spec, lengths) == len(expected)
    found = [
        tuple(
            value_at(tree.source, place, lists)
            for tree, place in zip(arguments, elements(spec, lengths, index), strict=True)
        )
        for index in range(len(expected))
    ]
    assert found == expected


def test_an_index_behind_the_end_is_refused() -> None:
    spec = MapSpec((("x", Source("literal", length=2)), ("y", Source("literal", length=3))))
    with pytest.raises(IndexError, match="map index 6 is not one of 6"):
        elements(spec, [2, 3], 6)


def test_a_product_that_is_far_too_large_is_refused() -> None:
    spec = MapSpec((("x", Source("xcom", task_id="a")), ("y", Source("xcom", task_id="b"))))
    assert count(spec, [1000, 1000]) == MAX_INSTANCES
    with pytest.raises(InvalidArgument, match=r"1000 \* 1001 = 1001000 instances; 1000000 are the most"):
        count(spec, [1000, 1001])


def test_lengths_are_known_before_only_of_literals() -> None:
    known = MapSpec((("x", Source("zip", parts=(Source("literal", length=2), Source("literal", length=5)))),))
    assert literal_lengths(known) == [2, 5]
    mixed = MapSpec((("x", Source("literal", length=2)), ("y", Source("xcom", task_id="a", key="k"))))
    assert literal_lengths(mixed) is None
    assert source_tasks(mixed) == {"a"}
    assert [leaf.kind for leaf in leaves(mixed)] == ["literal", "xcom"]


def test_a_serialised_dag_keeps_it() -> None:
    mapping = MapSpec((("x", Source("concat", parts=(Source("xcom", task_id="a"), Source("literal", length=2)))),))
    spec = dag_spec("d", {"a": [], "m": ["a"]}, tasks={"m": {"mapping": mapping}})
    assert decode_spec(encode_spec(spec)).tasks[1].mapping == mapping
    assert b"mapping" not in encode_spec(dag_spec("d", {"a": []}))
    assert TaskSpec("a").mapping is None
