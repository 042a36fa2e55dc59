"""What hooks tell of what they read and write."""

from __future__ import annotations

from typing import Any

import pytest

from bide.authoring import plugins, providers
from bide.authoring.assets import Asset
from bide.authoring.plugins import Plugin, Plugins
from bide.authoring.runtime import use_runtime
from bide.standard.lineage import (
    MOST_KEPT,
    HookLineageCollector,
    HookLineageReader,
    NoOpCollector,
    get_hook_lineage_collector,
)
from bide.standard.object_storage import ObjectStoragePath


class Runtime:
    """One task's."""

    def setting(self, section: str, key: str) -> None:
        return None


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that reads lineage."""

    class Reads(Plugin):
        name = "reads"
        hook_lineage_readers = [HookLineageReader]

    loaded = Plugins()
    loaded.take(Reads)
    monkeypatch.setattr(plugins, "_loaded", loaded)


def test_nothing_is_kept_where_nobody_reads() -> None:
    collector = get_hook_lineage_collector()
    collector.add_input_asset("hook", uri="s3://b/a")
    collector.add_extra("hook", "sql", {"text": "SELECT 1"})
    assert isinstance(collector, NoOpCollector)
    assert not collector.has_collected


def test_each_task_has_its_own(reader: None) -> None:
    first: Any = Runtime()
    with use_runtime(first):
        get_hook_lineage_collector().add_output_asset("hook", uri="s3://b/a")
        assert [one.asset.uri for one in HookLineageReader().retrieve_hook_lineage().outputs] == ["s3://b/a"]
    second: Any = Runtime()
    with use_runtime(second):
        assert not get_hook_lineage_collector().has_collected


def test_equal_things_are_counted() -> None:
    collector, hook = HookLineageCollector(), object()
    for _ in range(3):
        collector.add_input_asset(hook, uri="s3://b/a", asset_extra={"rows": 1})
        collector.add_extra(hook, "sql", {"text": "SELECT 1"})
    collector.add_input_asset(object(), uri="s3://b/a")
    collector.add_extra(hook, "", "no key")
    collected = collector.collected_assets
    assert [(one.dataset, one.count) for one in collected.inputs] == [
        (Asset(uri="s3://b/a"), 3),
        (Asset(uri="s3://b/a"), 1),
    ]
    assert [(one.key, one.value, one.count) for one in collected.extra] == [("sql", {"text": "SELECT 1"}, 3)]
    assert collected.outputs == []


def test_only_so_many_are_kept() -> None:
    collector, hook = HookLineageCollector(), object()
    for number in range(MOST_KEPT + 5):
        collector.add_output_asset(hook, uri=f"s3://b/{number}")
    assert len(collector.collected_assets.outputs) == MOST_KEPT


def test_a_provider_makes_assets_of_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    def factory(*, bucket: str, extra: dict[str, Any]) -> Asset:
        return Asset(uri=f"moon://{bucket}", extra=extra)

    monkeypatch.setattr(providers.ProvidersManager, "asset_factories", property(lambda _: {"moon": factory}))
    collector = HookLineageCollector()
    collector.add_input_asset("hook", scheme="moon", asset_kwargs={"bucket": "b"})
    collector.add_input_asset("hook", scheme="mars", asset_kwargs={"bucket": "b"})
    assert [one.asset.uri for one in collector.collected_assets.inputs] == ["moon://b"]


def test_opening_an_object_is_told(reader: None, tmp_path: Any) -> None:
    runtime: Any = Runtime()
    with use_runtime(runtime):
        path = ObjectStoragePath(tmp_path / "x")
        path.write_text("x")
        path.read_text()
        collected = get_hook_lineage_collector().collected_assets
    assert [one.asset.uri for one in (*collected.outputs, *collected.inputs)] == [str(path), str(path)]
