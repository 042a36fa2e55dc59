"""Assets, and DAGs, that are watched by triggers: what people write, and what they see of it."""

from __future__ import annotations

from typing import Any

from tests.acceptance.test_assets import rows, started
from tests.support.commands import Folder

DAGS = """
from pathlib import Path

from bide import DAG, Asset, AssetWatcher, BaseEventTrigger, EveryTrigger, FileChangeTrigger, TriggerEvent, task

HERE = Path(__file__).parents[1]


class Broken(BaseEventTrigger):
    def serialize(self):
        return "watched.Broken", {}

    async def run(self):
        raise OSError("no broker")
        yield


landed = Asset(
    "landed",
    watchers=[
        AssetWatcher("files", FileChangeTrigger(str(HERE / "inbox" / "*.csv"), poke_interval=0.05)),
        AssetWatcher("broken", Broken()),
    ],
)

with DAG("report", schedule=landed, asset_policy="each"):

    @task
    def use(triggering_asset_events=None):
        (event,) = triggering_asset_events[landed]
        return [Path(event.extra["payload"]["path"]).name, event.extra["from_trigger"]]

    use()

with DAG("ticks", schedule=EveryTrigger(0.2), asset_policy="each"):

    @task
    def tick(triggering_asset_events=None):
        (events,) = triggering_asset_events.values()
        return [event.extra["payload"].isoformat() for event in events]

    tick()
"""


def test_files_and_times_start_runs_until_their_dag_is_paused(folder: Folder) -> None:
    folder.dag("watched", DAGS)
    inbox = folder.path / "inbox"
    inbox.mkdir()
    with started(folder) as api:

        def results(dag_id: str, task_id: str) -> list[Any]:
            runs = api.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]
            done = [run["dag_run_id"] for run in runs if run["state"] == "success"]
            path = f"taskInstances/{task_id}/xcomEntries/return_value"
            return [api.get(f"/dags/{dag_id}/dagRuns/{run_id}/{path}")["value"] for run_id in done]

        (inbox / "one.csv").write_text("1")
        api.until(lambda: results("report", "use") == [["one.csv", True]])
        (inbox / "two.csv").write_text("22")
        api.until(lambda: sorted(results("report", "use")) == [["one.csv", True], ["two.csv", True]])

        api.until(lambda: len(results("ticks", "tick")) >= 2)
        assert folder.run("dags", "pause", "ticks").returncode == 0

        def watchers() -> dict[str, Any]:
            found = api.get("/assets/watchers")
            assert found["total_entries"] == 3
            return {one["name"]: one for one in found["asset_watchers"]}

        api.until(lambda: watchers()["trigger"]["state"] == "paused")
        ticks = watchers()["trigger"]["events"]
        times = [moment for found in results("ticks", "tick") for moment in found]
        assert len(times) == len(set(times)) <= ticks

        api.until(lambda: watchers()["broken"]["state"] == "failed")
        found = watchers()
        assert found["broken"]["error"] == "OSError: no broker" and found["broken"]["retry_at"] is not None
        files = found["files"]
        assert (files["state"], files["events"], files["duplicates"]) == ("watching", 2, 0)
        assert (files["dag_ids"], files["asset_name"]) == (["report"], "landed")
        assert files["subject"] == f"files {inbox}/*.csv" and files["engine"]
        assert watchers()["trigger"]["asset_name"] == "ticks/trigger"

        listed = {one["watcher"]: one for one in rows(folder, "assets", "watchers", "landed")}
        assert set(listed) == {"files", "broken"}
        assert (listed["files"]["state"], listed["files"]["events"]) == ("watching", 2)
        assert "OSError: no broker" in listed["broken"]["error"]
        (event, *_) = api.get("/assets/events", asset_id="landed")["asset_events"]
        assert event["made_by"] == "watcher files" and event["extra"]["from_trigger"] is True
        assert watchers()["trigger"]["events"] == ticks, "nothing more while it is paused"

    with started(folder) as api:
        api.until(lambda: watchers_of(api)["files"] == "watching")
        (inbox / "three.csv").write_text("333")
        api.until(lambda: api.get("/dags/report/dagRuns")["total_entries"] == 3)
        assert watchers_of(api)["trigger"] == "paused"


def watchers_of(api: Any) -> dict[str, str]:
    return {one["name"]: one["state"] for one in api.get("/assets/watchers")["asset_watchers"]}


BAD = """
from bide import DAG, Asset, AssetWatcher, BaseEventTrigger, EmptyOperator


class Lost(BaseEventTrigger):
    def serialize(self):
        return "nowhere.Missing", {}

    async def run(self):
        yield


with DAG("bad", schedule=[Asset("a", watchers=[AssetWatcher("w", Lost())])]):
    EmptyOperator(task_id="e")
"""


def test_a_watcher_that_cannot_run_is_an_error_of_its_dag(folder: Folder) -> None:
    folder.dag("bad", BAD)
    done = folder.run("dags", "errors", "--dags", "dags")
    assert done.returncode != 0
    assert (
        "watcher 'w' of asset 'a': Lost.serialize() names a class that can't be found" in done.stdout + done.stderr
    )
