"""What tasks keep with an asset from run to run."""

from __future__ import annotations

from typing import Any

import pytest

from bide import DAG, Asset, AssetAlias, task
from bide.authoring.asset_state import AssetStates
from bide.model.errors import InvalidArgument
from bide.testing import RunFailed, run_dag

orders, customers = Asset("orders", "s3://orders"), Asset("customers")


def test_a_task_reads_what_another_one_has_kept() -> None:
    with DAG("d") as dag:

        @task(outlets=[orders])
        def load(asset_state_store: Any = None) -> Any:
            state = asset_state_store[orders]
            before = state.get("watermark", default="never")
            state.set("watermark", "2026-01-01")
            state.set("rows", {"new": 3})
            return before

        @task(inlets=[Asset.ref(name="orders"), customers, AssetAlias("files")])
        async def read(asset_state_store: Any = None) -> Any:
            state = asset_state_store[orders]
            seen = [
                await state.aget("watermark"),
                await state.aget("rows"),
                await asset_state_store["customers"].aget("rows"),
            ]
            await state.adelete("watermark")
            left = [state.get("watermark"), state.get("rows")]
            await state.aclear()
            return [*seen, *left, state.get("rows")]

        load() >> read()
    result = run_dag(dag)
    assert result["load"].result == "never"
    assert result["read"].result == ["2026-01-01", {"new": 3}, None, None, {"new": 3}, None]


def test_one_asset_needs_no_name() -> None:
    with DAG("d") as dag:

        @task(inlets=[orders], outlets=[orders])
        def load(asset_state_store: Any = None) -> Any:
            asset_state_store.set("n", 1)
            return asset_state_store.get("n")

        load()
    assert run_dag(dag)["load"].result == 1


def test_an_asset_that_is_not_meant_is_named() -> None:
    states = AssetStates([orders], [customers])
    with pytest.raises(KeyError, match="'other' is not among the inlets and outlets of the task"):
        states["other"]
    with pytest.raises(InvalidArgument, match=r"say which: asset_state_store\[asset\]\.get\(\)"):
        states.get("n")
    with pytest.raises(AttributeError, match="asset_state_store has no attribute 'pop'"):
        states.pop("n")


def test_an_asset_that_nobody_describes_is_an_error_of_the_task() -> None:
    with DAG("d") as dag:

        @task(inlets=[Asset.ref(name="nosuch")])
        def load(asset_state_store: Any = None) -> Any:
            return asset_state_store.get("n")

        load()
    with pytest.raises(RunFailed, match="state 'n' of an asset can't be read: there is no asset 'nosuch'"):
        run_dag(dag)
