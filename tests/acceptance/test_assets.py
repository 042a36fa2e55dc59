"""Assets with real processes: from a task to the DAGs that run by it, and what people see of that."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.support.api import Api
from tests.support.commands import Folder

DAGS = """
from bide import DAG, Asset, AssetAlias, asset, task

orders = Asset("orders", uri="s3://lake/orders", extra={"owner": "sales"})
files = AssetAlias("files")

with DAG("load"):
    @task(outlets=[orders, files])
    def make(outlet_events=None):
        outlet_events[orders].extra = {"rows": 3}
        outlet_events[files].add(Asset("one.csv"), extra={"n": 1})

    @task(outlets=[orders])
    def each(number, outlet_events=None):
        outlet_events[orders].extra = {"number": number}

    make() >> each.expand(number=[1, 2])

with DAG("report", schedule=[orders], asset_policy="each"):
    @task(inlets=[orders])
    def use(triggering_asset_events=None, inlet_events=None, ds=None):
        (event,) = triggering_asset_events[orders]
        assert event.source_task_instance.xcom_pull() is None
        return [event.extra, event.source_task_id, event.source_map_index, len(inlet_events[orders]) > 0, len(ds)]

    use()

with DAG("ingest", schedule=files):
    @task
    def take(triggering_asset_events=None):
        return [[event.uri, event.extra, event.source_aliases] for event in triggering_asset_events[files]]

    take()


@asset(schedule=orders, asset_policy="each")
def copy(self, context, orders):
    context["outlet_events"][self].extra = {"events": len(context["inlet_events"][orders]) > 0}
"""


def rows(folder: Folder, *words: str) -> Any:
    done = folder.run(*words, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def started(folder: Folder) -> Generator[Api]:
    """A server on `folder`, asked by its API."""
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        with Api(folder, server) as api:
            yield api


def test_assets_from_a_task_to_the_runs_that_it_calls_for(folder: Folder) -> None:
    folder.dag("assets", DAGS)
    with started(folder) as api:
        assert folder.run("dags", "trigger", "load", "--run-id", "one").returncode == 0

        def ended(dag_id: str, number: int) -> bool:
            runs = api.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]
            return [run["state"] for run in runs] == ["success"] * number

        api.until(lambda: ended("report", 3) and ended("ingest", 1))
        runs = api.get("/dags/report/dagRuns")["dag_runs"]
        values = [
            api.get(f"/dags/report/dagRuns/{run['dag_run_id']}/taskInstances/use/xcomEntries/return_value")["value"]
            for run in runs
        ]
        assert sorted(values, key=str) == [
            [{"number": 1}, "each", 0, True, 10],
            [{"number": 2}, "each", 1, True, 10],
            [{"rows": 3}, "make", -1, True, 10],
        ]
        api.until(lambda: ended("copy", 3))
        assert [one["extra"] for one in api.get("/assets/events", asset_id="copy")["asset_events"]] == [
            {"events": True}
        ] * 3
        (run,) = api.get("/dags/ingest/dagRuns")["dag_runs"]
        path = f"/dags/ingest/dagRuns/{run['dag_run_id']}"
        taken = api.get(f"{path}/taskInstances/take/xcomEntries/return_value")["value"]
        assert taken == [["one.csv", {"n": 1}, ["files"]]]
        (event,) = api.get(f"{path}/upstreamAssetEvents")["asset_events"]
        assert (event["name"], event["source_run_id"], event["aliases"]) == ("one.csv", "one", ["files"])
        assert event["created_dagruns"] == [{"dag_id": "ingest", "run_id": run["dag_run_id"], "state": "success"}]

        listed = {one["name"]: one for one in rows(folder, "assets", "list")}
        assert listed["orders"]["made_by"] == ["load.each", "load.make"]
        assert (listed["orders"]["runs"], listed["orders"]["read_by"]) == (
            ["copy", "report"],
            ["copy.copy", "report.use"],
        )
        assert listed["one.csv"]["runs"] == ["ingest"]

        made = rows(folder, "assets", "emit", "s3://lake/orders", "--extra", '{"by": "hand"}')
        assert made["asset"] == "orders"
        api.until(lambda: len(api.get("/dags/report/dagRuns")["dag_runs"]) == 4)
        shown = rows(folder, "assets", "show", "orders")
        assert shown["events"][0]["extra"] == {"by": "hand"} and len(shown["events"][0]["runs"]) == 2
        assert shown["events"][-1]["by"] == "load.make in one"

        posted = api.post("/assets/events", asset_id="orders", extra={"by": "post"})
        assert posted["extra"] == {"by": "post"} and posted["made_by"] == "admin"
        assert api.get("/assets/events", asset_id="orders", limit=1)["asset_events"][0]["id"] == posted["id"]
        assert api.get("/assets/events", source_dag_id="load")["total_entries"] == 4

        graph = rows(folder, "assets", "graph")
        edges = {(one["source"], one["target"]) for one in graph["edges"]}
        orders = f"asset:{api.get('/assets', name_pattern='lake/orders')['assets'][0]['id']}"
        assert {("task:load.make", orders), (orders, "dag:report"), ("alias:files", "dag:ingest")} <= edges
        assert {(one["source_id"], one["target_id"]) for one in api.get("/assets/graph")["edges"]} == edges

        unknown = folder.run("assets", "show", "nothing")
        assert unknown.returncode == 1 and "there is no asset 'nothing'" in unknown.stderr
        wrong = folder.run("assets", "emit", "orders", "--extra", "[1]")
        assert wrong.returncode == 2 and "extra must be a JSON object, not list" in wrong.stderr
