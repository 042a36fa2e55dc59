"""Assets in DAG files, and what the engine is told of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bide import (
    DAG,
    Asset,
    AssetAlias,
    AssetAll,
    AssetAny,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    Dataset,
    asset,
)
from bide.authoring.asset_events import OutletEvents
from bide.authoring.assets import AssetAccessControl
from bide.authoring.dag import collecting
from bide.authoring.operator import BaseOperator
from bide.authoring.serialize import serialize_dag
from bide.model.assets import AssetMention, AssetSpec
from bide.model.dag_spec import DagSpec, decode_spec, encode_spec
from bide.model.errors import AuthoringError, InvalidArgument, InvalidSchedule

a, b, c = Asset("a"), Asset("b", "s3://b"), Asset(uri="s3://c")


def spec_of(dag: DAG) -> DagSpec:
    return serialize_dag(dag, file=str(Path(__file__)), folder=str(Path(__file__).parent))


def test_events_are_found_by_what_their_asset_is_called() -> None:
    said = OutletEvents([a, b, AssetAlias("files")])
    assert said.for_asset(name="a") is said[a]
    assert said.for_asset(uri="s3://b") is said[b] is said[Asset.ref(name="b")]
    assert said.for_asset(name="b", uri="s3://b") is said[b]
    assert said.for_asset_alias(name="files") is said[AssetAlias("files")]
    with pytest.raises(KeyError, match="not among the outlets"):
        said.for_asset(name="b", uri="s3://other")
    with pytest.raises(InvalidArgument, match="either a name or a uri"):
        said.for_asset()


def test_who_may_have_an_asset_is_kept_and_must_be_texts() -> None:
    told = AssetAccessControl(producer_teams=["load"], allow_global=False)
    assert Asset("a", access_control=told).access_control is told
    with pytest.raises(InvalidArgument, match="a team is a text that is not blank, not ' '"):
        AssetAccessControl(consumer_teams=[" "])


def test_a_name_or_a_uri_stands_for_both() -> None:
    assert (a.name, a.uri) == ("a", "a")
    assert (c.name, c.uri) == ("s3://c", "s3://c")
    assert Dataset("s3://c") == c and hash(Dataset("s3://c")) == hash(c)
    assert Asset("a", "other") != a
    assert Dataset("d").group == "dataset" and a.group == "asset" and Asset("a", group="g").group == "g"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "needs a name or a uri"),
        ({"name": " "}, "the name of an asset must be a text that is not blank"),
        ({"name": "a\nb"}, "printable"),
        ({"name": "a" * 1501}, "at most 1500"),
        ({"name": "a", "watchers": [object()]}, "asset 'a': watchers must be AssetWatchers, not <object"),
        ({"name": "a", "extra": {"x": object()}}, "asset 'a': extra must be a dict of JSON's types"),
    ],
)
def test_what_is_no_asset_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        Asset(**arguments)


def test_assets_are_joined_by_signs() -> None:
    assert (a | b | c) == AssetAny(a, b, c)
    assert (a & b & c) == AssetAll(a, b, c)
    assert ((a & b) | c) == AssetAny(AssetAll(a, b), c)
    assert str((a & (b | AssetAlias("x"))).condition()) == "a & (b | alias x)"
    with pytest.raises(TypeError):
        _ = a | "b"  # pyright: ignore[reportOperatorIssue]
    with pytest.raises(InvalidArgument, match="AssetAny takes assets, not 'b'"):
        AssetAny(a, "b")  # pyright: ignore[reportArgumentType]


def test_a_list_as_a_schedule_means_all() -> None:
    found = spec_of(DAG("d", schedule=[a, b])).schedule
    assert found.kind == "none" and found.text == "a & b" and found.asset_policy == "batch"
    assert found.assets == (a & b).condition()
    assert spec_of(DAG("d", schedule=[a])).schedule.assets == a.condition()
    assert spec_of(DAG("d", schedule=a | b, asset_policy="each")).schedule.asset_policy == "each"
    with pytest.raises(InvalidSchedule, match=r"DAG 'd': asset_policy must be one of .* not 'all'"):
        spec_of(DAG("d", schedule=a, asset_policy="all"))
    with pytest.raises(InvalidSchedule, match="a schedule given as a list"):
        spec_of(DAG("d", schedule=[a, "b"]))


def test_assets_or_time() -> None:
    timetable = CronTriggerTimetable("0 5 * * *", timezone="UTC")
    found = spec_of(DAG("d", schedule=AssetOrTimeSchedule(timetable=timetable, assets=a | b))).schedule
    assert found.kind == "cron" and found.expressions == ("0 5 * * *",) and not found.intervals
    assert found.assets == (a | b).condition()
    assert found.text == "a | b or 0 5 * * *"
    with pytest.raises(InvalidSchedule, match="assets must be assets"):
        AssetOrTimeSchedule(timetable=timetable, assets=["a"])
    old = AssetOrTimeSchedule(timetable=timetable, datasets=(a | b))
    assert spec_of(DAG("d", schedule=old)).schedule == found
    for given in ({}, {"assets": a, "datasets": b}):
        with pytest.raises(InvalidSchedule, match="give it assets, or datasets"):
            AssetOrTimeSchedule(timetable=timetable, **given)


def test_the_engine_is_told_what_tasks_make_and_read() -> None:
    with DAG("d", schedule=a) as dag:
        BaseOperator(task_id="t", outlets=[b, AssetAlias("x"), "not an asset"], inlets=Asset.ref(name="n"))
    found = decode_spec(encode_spec(spec_of(dag)))
    (task,) = found.tasks
    assert task.outlets == (AssetMention("asset", "b", "s3://b"), AssetMention("alias", "x"))
    assert task.inlets == (AssetMention("name", "n"),)
    assert found.assets == (AssetSpec("a", "a"), AssetSpec("b", "s3://b"))


def test_parameters_without_a_default_can_not_run_by_assets() -> None:
    from bide import Param

    with pytest.raises(AuthoringError, match="runs without anybody's conf"):
        spec_of(DAG("d", schedule=a, params={"p": Param(type="string")}))


def test_a_function_that_makes_an_asset_has_a_dag_of_its_own() -> None:
    with collecting() as dags:

        @asset(schedule="@daily", uri="s3://orders", tags=["t"])
        def orders(self: Any, context: Any, customers: Any) -> None:
            """All orders."""

        @asset.multi(schedule=orders, outlets=[a, b])
        def both() -> None: ...

    first, second = dags
    (task,) = spec_of(first).tasks
    assert (first.dag_id, task.task_id, first.doc_md, first.tags) == ("orders", "orders", "All orders.", {"t"})
    assert task.outlets == (AssetMention("asset", "orders", "s3://orders"),)
    assert task.inlets == (AssetMention("name", "customers"),)
    assert orders == Asset("orders", "s3://orders")
    assert spec_of(second).schedule.assets == orders.condition()
    assert spec_of(second).tasks[0].outlets == (a.mention(), b.mention())
    called = first.get_task("orders").determine_kwargs({"ds": "x"})  # pyright: ignore[reportAttributeAccessIssue]
    assert called == {"self": orders, "context": {"ds": "x"}, "customers": Asset.ref(name="customers")}
    with pytest.raises(InvalidArgument, match="needs outlets"):
        asset.multi(schedule=None, outlets=[])(both.function)
    with pytest.raises(InvalidArgument, match="parameters are named"):
        asset(schedule=None)(lambda *all_of_them: None)
