"""What a condition on assets says, and which events a run takes."""

from __future__ import annotations

import pytest

from bide.model.asset_delivery import split_each
from bide.model.assets import AssetCondition, AssetFacts, AssetMention, holds, names_any


def one(name: str, **fields: str) -> AssetCondition:
    return AssetCondition("one", AssetMention("asset", name, fields.get("uri", name)))


def any_of(*parts: AssetCondition) -> AssetCondition:
    return AssetCondition("any", parts=parts)


def all_of(*parts: AssetCondition) -> AssetCondition:
    return AssetCondition("all", parts=parts)


def facts(name: str, *aliases: str) -> AssetFacts:
    return AssetFacts(name, name, name, frozenset(aliases))


A, B, C = facts("a"), facts("b"), facts("c")


@pytest.mark.parametrize(
    ("condition", "there", "verdict"),
    [
        (one("a"), [A], True),
        (one("a"), [B], False),
        (any_of(one("a"), one("b")), [B], True),
        (all_of(one("a"), one("b")), [B], False),
        (all_of(one("a"), one("b")), [A, B], True),
        (all_of(one("a"), any_of(one("b"), one("c"))), [A, C], True),
        (all_of(one("a"), any_of(one("b"), one("c"))), [B, C], False),
    ],
)
def test_a_condition_holds_or_not(condition: AssetCondition, there: list[AssetFacts], verdict: bool) -> None:
    assert holds(condition, there) is verdict


def test_an_asset_is_named_by_both_or_one_or_an_alias() -> None:
    asset = AssetFacts("1", "orders", "s3://orders", frozenset({"sales"}))
    assert asset.is_named_by(AssetMention("asset", "orders", "s3://orders"))
    assert not asset.is_named_by(AssetMention("asset", "orders", "s3://other"))
    assert asset.is_named_by(AssetMention("name", "orders"))
    assert asset.is_named_by(AssetMention("uri", uri="s3://orders"))
    assert asset.is_named_by(AssetMention("alias", "sales"))
    assert not asset.is_named_by(AssetMention("alias", "orders"))
    assert names_any(any_of(one("b"), AssetCondition("one", AssetMention("alias", "sales"))), asset)
    assert not names_any(one("b"), asset)


def test_a_condition_reads_as_it_is_written() -> None:
    alias = AssetCondition("one", AssetMention("alias", "x"))
    assert str(all_of(one("a"), any_of(one("b"), alias))) == "a & (b | alias x)"


def test_each_event_gets_a_run_of_its_own_in_their_order() -> None:
    either = any_of(one("a"), one("b"))
    assert split_each(either, {A: ["1", "4"], B: ["2"]}, 10) == [("1",), ("2",), ("4",)]
    assert split_each(either, {A: ["1", "4"], B: ["2"]}, 2) == [("1",), ("2",)]


def test_each_run_of_several_assets_takes_one_event_of_each() -> None:
    both = all_of(one("a"), one("b"))
    assert split_each(both, {A: ["1", "3", "5"], B: ["2", "4"]}, 10) == [("1", "2"), ("3", "4")]
    assert split_each(both, {A: ["1", "3"]}, 10) == []
    nested = all_of(one("a"), any_of(one("b"), one("c")))
    assert split_each(nested, {A: ["1", "2"], B: ["5"], C: ["3"]}, 10) == [("1", "3"), ("2", "5")]
