"""What the API answers, with the names that Airflow's v2 has."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from bide.api.live import Pulse
from bide.model.dag_spec import DagSpec, ParamSpec, TaskSpec
from bide.model.map_spec import MapSpec, Source
from bide.store import Store, Tx, xcoms
from bide.store.xcoms import XComRow
from bide.wire.messages import FileError
from tests.support.clock import HeldClock
from tests.support.waits import put_wait

from .conftest import KnownLive, etl, put_file

RUNS = "/api/v2/dags/etl/dagRuns"
MOMENT = "2026-03-02T12:00:00Z"


async def trigger(admin: httpx.AsyncClient, dag_id: str = "etl", **body: object) -> dict[str, object]:
    answer = await admin.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_health_says_what_runs_here(
    anyone: httpx.AsyncClient, live: KnownLive, store: Store, clock: HeldClock
) -> None:
    live.parts["scheduler"] = Pulse(True, clock.now())
    live.parts["triggerer"] = Pulse(False, None)
    assert (await anyone.get("/api/v2/monitor/health")).json() == {
        "metadatabase": {"status": "healthy"},
        "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": MOMENT},
        "triggerer": {"status": "unhealthy", "latest_triggerer_heartbeat": None},
        "dag_processor": {"status": None, "latest_dag_processor_heartbeat": None},
    }
    await store.write(lambda tx: tx.conn.exec_driver_sql("SELECT 1").scalar_one())


async def test_version_is_that_of_the_distribution(anyone: httpx.AsyncClient) -> None:
    assert (await anyone.get("/api/v2/version")).json()["version"].count(".") == 2


async def test_dags_are_listed_filtered_and_paged(admin: httpx.AsyncClient) -> None:
    async def ids(query: str = "") -> tuple[list[str], int]:
        body = (await admin.get(f"/api/v2/dags{query}")).json()
        return [dag["dag_id"] for dag in body["dags"]], body["total_entries"]

    assert await ids() == (["etl", "report"], 2)
    assert await ids("?limit=1&offset=1") == (["report"], 2)
    assert await ids("?tags=daily") == (["etl"], 1)
    assert await ids("?tags=daily&tags=Finance") == (["etl"], 1)
    assert await ids("?dag_id_pattern=%25port%25") == (["report"], 1)
    await admin.patch("/api/v2/dags/report", json={"is_paused": True})
    assert await ids("?paused=true") == (["report"], 1)
    assert await ids("?paused=false") == (["etl"], 1)


async def test_one_dag_in_full(admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/api/v2/dags/etl")).json() == {
        "dag_id": "etl",
        "dag_display_name": "etl",
        "is_paused": False,
        "is_stale": False,
        "description": "The etl.",
        "fileloc": "/dags/etl.py",
        "tags": [{"name": "daily", "dag_id": "etl"}, {"name": "Finance", "dag_id": "etl"}],
        "owners": ["ada", "bob"],
        "timetable_summary": "@daily",
        "timetable_error": None,
        "max_active_runs": 16,
        "max_active_tasks": 16,
        "next_dagrun_run_after": None,
        "last_parsed_time": MOMENT,
        "version_number": 1,
    }


async def test_pausing_answers_the_new_state(admin: httpx.AsyncClient) -> None:
    for paused in (True, False):
        answer = await admin.patch("/api/v2/dags/etl", json={"is_paused": paused})
        assert answer.json()["is_paused"] is paused
        assert (await admin.get("/api/v2/dags/etl")).json()["is_paused"] is paused


async def test_a_run_is_made_as_asked(admin: httpx.AsyncClient) -> None:
    made = await trigger(
        admin, dag_run_id="mine", logical_date="2026-01-15T00:00:00", conf={"env": "prod"}, note="a test"
    )
    assert made == {
        "dag_run_id": "mine",
        "dag_id": "etl",
        "run_type": "manual",
        "state": "queued",
        "logical_date": "2026-01-15T00:00:00Z",
        "data_interval_start": "2026-01-15T00:00:00Z",
        "data_interval_end": "2026-01-15T00:00:00Z",
        "run_after": MOMENT,
        "queued_at": MOMENT,
        "start_date": None,
        "end_date": None,
        "duration": None,
        "conf": {"env": "prod"},
        "note": "a test",
        "triggered_by": "admin",
        "reason": None,
    }
    assert (await admin.get(f"{RUNS}/mine")).json() == made


async def test_a_run_without_wishes_is_named_by_its_moment(admin: httpx.AsyncClient) -> None:
    made = await trigger(admin)
    assert made["dag_run_id"] == "manual__2026-03-02T12:00:00+00:00"
    # A run id goes into a path as it is.
    assert (await admin.get(f"{RUNS}/manual__2026-03-02T12:00:00+00:00")).json() == made


async def test_runs_are_filtered_by_state_and_counted(admin: httpx.AsyncClient) -> None:
    for number in range(3):
        await trigger(admin, dag_run_id=f"run{number}")
    await trigger(admin, "report", dag_run_id="other")
    body = (await admin.get(f"{RUNS}?limit=2&state=queued&state=running")).json()
    assert [run["dag_run_id"] for run in body["dag_runs"]] == ["run2", "run1"]
    assert body["total_entries"] == 3
    assert (await admin.get(f"{RUNS}?state=failed")).json() == {"dag_runs": [], "total_entries": 0}
    assert (await admin.get("/api/v2/dags/~/dagRuns")).json()["total_entries"] == 4


async def test_task_instances_of_a_run(admin: httpx.AsyncClient) -> None:
    await trigger(admin, dag_run_id="mine")
    body = (await admin.get(f"{RUNS}/mine/taskInstances")).json()
    assert body["total_entries"] == 2
    extract = body["task_instances"][0]
    assert extract["task_id"] == "extract"
    assert extract["operator"] == "PythonOperator"
    assert extract["state"] is None
    assert extract["map_index"] == -1
    assert extract["trigger"] is None
    assert (await admin.get(f"{RUNS}/mine/taskInstances/extract")).json() == extract
    assert (await admin.get("/api/v2/dags/~/dagRuns/~/taskInstances?limit=1")).json()["total_entries"] == 2


async def test_links_lead_where_their_xcoms_say(admin: httpx.AsyncClient, store: Store) -> None:
    task = TaskSpec("extract", links=(("Job", "_link_Job"), ("Logs", "_link_Logs")))
    await put_file(store, "/dags/linked.py", etl("linked", tasks=(task, TaskSpec("load"))))
    run = await admin.post("/api/v2/dags/linked/dagRuns", json={"dag_run_id": "mine"})
    assert run.status_code == 200

    def put(tx: Tx) -> None:
        xcoms.put(tx, [XComRow("linked", "mine", "extract", -1, "_link_Job", b'"https://jobs/7"')])

    await store.write(put)
    instances = "/api/v2/dags/linked/dagRuns/mine/taskInstances"
    found = (await admin.get(f"{instances}/extract/links")).json()
    assert found == {"extra_links": {"Job": "https://jobs/7", "Logs": None}, "total_entries": 2}
    assert (await admin.get(f"{instances}/load/links")).json() == {"extra_links": {}, "total_entries": 0}
    assert (await admin.get(f"{instances}/nothing/links")).status_code == 404


async def test_xcoms_are_listed_and_read(admin: httpx.AsyncClient, store: Store) -> None:
    await trigger(admin, dag_run_id="mine")

    def put(tx: Tx) -> None:
        xcoms.put(tx, [XComRow("etl", "mine", "extract", -1, "return_value", b'{"rows": 3}')])

    await store.write(put)
    url = f"{RUNS}/mine/taskInstances/extract/xcomEntries"
    listed = (await admin.get(url)).json()
    assert listed["total_entries"] == 1
    assert "value" not in listed["xcom_entries"][0]
    assert (await admin.get(f"{url}/return_value")).json()["value"] == {"rows": 3}
    assert (await admin.get(f"{url}/other")).status_code == 404


async def test_logs_come_as_text_or_json(admin: httpx.AsyncClient, store: Store, tmp_path: Path) -> None:
    await trigger(admin, dag_run_id="mine", logical_date="2026-01-15T00:00:00Z")
    url = f"{RUNS}/mine/taskInstances/extract/logs/1"
    answer = await admin.get(url)
    assert answer.status_code == 404
    assert answer.json()["detail"] == "task 'extract' has had 0 tries, not 1"
    await store.write(lambda tx: tx.conn.exec_driver_sql("UPDATE task_instance SET try_number = 1"))
    answer = await admin.get(url)
    assert answer.status_code == 404
    assert "there is no log" in answer.json()["detail"]
    log = tmp_path / "logs/etl/extract/2026-01-15T00:00:00+00:00/1.log"
    log.parent.mkdir(parents=True)
    log.write_text("one\ntwo\n")
    assert (await admin.get(url)).json() == {"content": ["one", "two"], "continuation_token": None}
    answer = await admin.get(url, headers={"Accept": "text/plain"})
    assert answer.text == "one\ntwo\n"
    assert answer.headers["content-type"].startswith("text/plain")


async def test_import_errors_name_file_and_line(admin: httpx.AsyncClient, store: Store) -> None:
    await put_file(store, "/dags/bad.py", errors=(FileError("SyntaxError: bad.py, line 3", "Traceback", 3),))
    body = (await admin.get("/api/v2/importErrors")).json()
    assert body["total_entries"] == 1
    found = body["import_errors"][0]
    assert (found["filename"], found["line"], found["stack_trace"]) == ("/dags/bad.py", 3, "Traceback")


async def test_waits_of_nothing_are_none(admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/api/v2/waits")).json() == {"waits": [], "total_entries": 0}


async def test_a_wait_says_for_what_since_when_and_when_it_is_looked_at(
    admin: httpx.AsyncClient, store: Store, live: KnownLive, clock: HeldClock
) -> None:
    await trigger(admin, dag_run_id="mine")
    wait_id = await store.write(lambda tx: put_wait(tx, "etl", "mine", "extract"))
    live.looks[wait_id] = clock.now() + timedelta(seconds=5)
    assert (await admin.get("/api/v2/waits?dag_id=etl")).json() == {
        "waits": [
            {
                "id": wait_id,
                "dag_id": "etl",
                "dag_run_id": "mine",
                "task_id": "extract",
                "map_index": -1,
                "kind": "poll",
                "trigger": "bide.standard.triggers.file.FileTrigger",
                "subject": "file /data/orders.csv",
                "since": MOMENT,
                "until": "2026-03-02T13:00:00Z",
                "due_at": None,
                "interval": 30.0,
                "next_look": "2026-03-02T12:00:05Z",
                "progress": {"text": "stage 2", "fraction": 0.25},
                "held_by": None,
                "where": "trigger-1",
                "queue": "default",
                "unserved": "no triggerer is alive: start `bide standalone`, or `bide triggerer`",
            }
        ],
        "total_entries": 1,
    }
    assert (await admin.get("/api/v2/waits?dag_id=report")).json()["total_entries"] == 0
    instance = (await admin.get(f"{RUNS}/mine/taskInstances/extract")).json()
    assert instance["state"] == "deferred"
    assert instance["trigger"] == {
        "classpath": "bide.standard.triggers.file.FileTrigger",
        "kind": "poll",
        "subject": "file /data/orders.csv",
        "created_date": MOMENT,
        "due_at": None,
        "timeout_at": "2026-03-02T13:00:00Z",
    }


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/api/v2/dags/nix", "there is no DAG 'nix'"),
        ("/api/v2/dags/nix/dagRuns", "there is no DAG 'nix'"),
        (f"{RUNS}/nix", "DAG 'etl' has no run 'nix'"),
        (f"{RUNS}/nix/taskInstances", "DAG 'etl' has no run 'nix'"),
        (f"{RUNS}/mine/taskInstances/nix", "run 'mine' of DAG 'etl' has no task 'nix'"),
        (f"{RUNS}/mine/taskInstances/load/4", "run 'mine' of DAG 'etl' has no task 'load' with map index 4"),
        (f"{RUNS}/nix/taskInstances/load/logs/1", "DAG 'etl' has no run 'nix'"),
    ],
)
async def test_what_is_not_there_is_named(admin: httpx.AsyncClient, path: str, detail: str) -> None:
    await trigger(admin, dag_run_id="mine")
    answer = await admin.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"detail": detail}


async def test_a_run_id_twice_is_a_conflict(admin: httpx.AsyncClient) -> None:
    await trigger(admin, dag_run_id="mine")
    answer = await admin.post(RUNS, json={"dag_run_id": "mine"})
    assert answer.status_code == 409
    assert "has a run 'mine' already" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [{"dag_run_id": "no/slash"}, {"config": {}}, {"conf": [1]}, {"logical_date": "soon"}, []],
)
async def test_a_body_that_makes_no_sense_is_refused(admin: httpx.AsyncClient, body: object) -> None:
    answer = await admin.post(RUNS, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert (await admin.get(RUNS)).json()["total_entries"] == 0


async def test_a_dag_that_its_file_no_longer_makes_is_stale(admin: httpx.AsyncClient, store: Store) -> None:
    await put_file(store, "/dags/etl.py", etl("etl", tasks=(TaskSpec("only"),)))
    assert (await admin.get("/api/v2/dags")).json()["total_entries"] == 1
    assert (await admin.get("/api/v2/dags?exclude_stale=false")).json()["total_entries"] == 2
    answer = await admin.post("/api/v2/dags/report/dagRuns", json={})
    assert answer.status_code == 404
    assert "/dags/etl.py no longer makes it" in answer.json()["detail"]


async def test_the_instances_of_a_mapped_task(store: Store, admin: httpx.AsyncClient) -> None:
    """By map index, a page at a time; one of them is found by its index."""
    mapping = MapSpec((("x", Source("literal", length=3)),))
    await put_file(
        store, "/dags/m.py", DagSpec("m", "/dags/m.py", "/dags", (TaskSpec("t", mapping=mapping), TaskSpec("u")))
    )
    run = await trigger(admin, "m")
    url = f"/api/v2/dags/m/dagRuns/{run['dag_run_id']}/taskInstances"
    listed = (await admin.get(f"{url}/t/listMapped", params={"limit": 2, "offset": 1})).json()
    assert [one["map_index"] for one in listed["task_instances"]] == [1, 2]
    assert listed["total_entries"] == 3
    one = (await admin.get(f"{url}/t/2")).json()
    assert (one["map_index"], one["rendered_map_index"]) == (2, None)
    for path, words in (("t", "one of them has to be named"), ("t/3", "3 is none of them")):
        answer = await admin.get(f"{url}/{path}")
        assert answer.status_code == 404
        assert answer.json()["detail"].endswith(f"of DAG 'm': its map indexes are 0 to 2, {words}")
    assert (await admin.get(f"{url}/u/listMapped")).json()["detail"].startswith("task 'u' is not mapped in run")
    assert (await admin.get(f"{url}/v/listMapped")).status_code == 404


async def test_conf_that_params_refuse_names_the_param(store: Store, admin: httpx.AsyncClient) -> None:
    spec = msgspec.structs.replace(
        etl("typed"),
        params={"n": 1},
        param_specs={"n": ParamSpec({"type": "integer"}, "how many")},
        edge_labels=(("extract", "load", "rows"),),
    )
    await put_file(store, "/dags/typed.py", msgspec.structs.replace(spec, file="/dags/typed.py"))
    answer = await admin.post("/api/v2/dags/typed/dagRuns", json={"conf": {"n": "many"}})
    assert answer.status_code == 422
    assert answer.json() == {"detail": "DAG 'typed', param 'n': 'many' is not of type 'integer'"}
    details = (await admin.get("/api/v2/dags/typed/details")).json()
    assert details["params"] == {"n": {"value": 1, "description": "how many", "schema": {"type": "integer"}}}
    assert details["edge_labels"] == [{"source_id": "extract", "target_id": "load", "label": "rows"}]
