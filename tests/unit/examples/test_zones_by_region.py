"""The example of mapping, run as it is."""

from __future__ import annotations

from pathlib import Path

from bide.authoring.loading import load_file
from bide.testing import run_dag


def test_there_is_an_instance_per_region(examples: Path) -> None:
    (dag,) = load_file(str(examples / "zones_by_region.py"), str(examples)).dags.values()
    run = run_dag(dag)
    regions = run["find_regions"].result
    assert {"Africa", "America", "Asia", "Europe", "Pacific"} <= set(regions)
    found = [run[f"count_zones[{index}]"] for index in range(len(regions))]
    assert [one.map_name for one in found] == regions
    assert [one.result["region"] for one in found] == regions
    assert all(0 < one.result["keep_it"] <= one.result["zones"] for one in found)
    assert run["largest"].result.startswith("America: ")
