"""A server that plays AWS: moto, in which time passes by looks.

``python -m tests.support.aws_server`` prints its URL and serves until its standard input ends. Beside what moto
does:

* jobs and queries go on by one state at every second look at them;
* an object below ``late/`` is there at the third look, a message in a queue whose name begins with ``late`` at the
  third time of asking;
* clusters of EMR wait and its steps complete after a few looks; moto leaves steps running for ever;
* jobs, crawlers and queries with ``fails`` in their name or text fail, those with ``forever`` go on until they are
  stopped, which moto can't do with jobs of Glue;
* functions say that all went well, without being run;
* a crawl has metrics, and one that has ended has ``SUCCEEDED``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

from moto.athena.models import Execution
from moto.core.config import default_user_config
from moto.emr.models import ElasticMapReduceBackend
from moto.glue.models import FakeCrawler, FakeJobRun, GlueBackend
from moto.glue.responses import GlueResponse
from moto.moto_api import state_manager
from moto.s3.models import S3Backend
from moto.server import ThreadedMotoServer
from moto.sqs.models import SQSBackend

LOOKS = 3
#: Looks at a cluster until it waits for steps.
LOOKS_AT_CLUSTER = 6
_STEP = {"PENDING": "RUNNING", "RUNNING": "COMPLETED"}
_METRICS = ("LastRuntimeSeconds", "MedianRuntimeSeconds", "TablesCreated", "TablesUpdated", "TablesDeleted")
_looks: Counter[Any] = Counter()


def _late(*names: str) -> bool:
    """Whether something that is there at the third look is there now; never again after that."""
    _looks[names] += 1
    return _looks[names] == LOOKS


def _patch_storage() -> None:
    head_object, receive_message = S3Backend.head_object, SQSBackend.receive_message

    def look(self: Any, bucket_name: str, key_name: str, *args: Any, **kwargs: Any) -> Any:
        if key_name.startswith("late/") and _late(bucket_name, key_name):
            self.put_object(bucket_name, key_name, b"at last")
        return head_object(self, bucket_name, key_name, *args, **kwargs)

    def receive(self: Any, queue_name: str, *args: Any, **kwargs: Any) -> Any:
        if queue_name.startswith("late") and _late(queue_name):
            self.send_message(queue_name, '{"file": "orders.csv"}')
        return receive_message(self, queue_name, *args, **kwargs)

    S3Backend.head_object = look  # type: ignore[method-assign]
    SQSBackend.receive_message = receive  # type: ignore[method-assign]


def _patch_clusters() -> None:
    run_job_flow = ElasticMapReduceBackend.run_job_flow
    describe_cluster = ElasticMapReduceBackend.describe_cluster
    describe_step, list_steps = ElasticMapReduceBackend.describe_step, ElasticMapReduceBackend.list_steps

    def start(self: Any, **kwargs: Any) -> Any:
        cluster = run_job_flow(self, **kwargs)
        cluster.state = "STARTING"
        return cluster

    def look(self: Any, cluster_id: str) -> Any:
        cluster = describe_cluster(self, cluster_id)
        _looks[cluster_id] += 1
        if cluster.state == "STARTING" and _looks[cluster_id] >= LOOKS_AT_CLUSTER:
            cluster.state = "WAITING"
        return cluster

    def go_on(step: Any) -> None:
        _looks[step.id] += 1
        if _looks[step.id] > 1:
            step.state = "FAILED" if step.name == "fails" else _STEP.get(step.state, step.state)

    def look_at_step(self: Any, cluster_id: str, step_id: str) -> Any:
        step = describe_step(self, cluster_id, step_id)
        if step is not None:
            go_on(step)
        return step

    def look_at_steps(self: Any, cluster_id: str, *args: Any, **kwargs: Any) -> Any:
        steps = list_steps(self, cluster_id, *args, **kwargs)
        for step in steps:
            go_on(step)
        return steps

    ElasticMapReduceBackend.run_job_flow = start  # type: ignore[method-assign]
    ElasticMapReduceBackend.describe_cluster = look  # type: ignore[method-assign]
    ElasticMapReduceBackend.describe_step = look_at_step  # type: ignore[method-assign]
    ElasticMapReduceBackend.list_steps = look_at_steps  # type: ignore[method-assign]


def _patch_crawlers() -> None:
    as_dict = FakeCrawler.as_dict

    def told(self: Any) -> dict[str, Any]:
        if self.crawls:
            self.crawls[-1].advance()
        found = as_dict(self)
        if found.get("LastCrawl", {}).get("Status") == "COMPLETED":
            found["LastCrawl"]["Status"] = "FAILED" if "fails" in found["Name"] else "SUCCEEDED"
        return found

    def metrics(self: Any) -> str:
        numbers = dict.fromkeys(_METRICS, 1)
        told = [{"CrawlerName": name, **numbers} for name in self.parameters["CrawlerNameList"]]
        return json.dumps({"CrawlerMetricsList": told})

    FakeCrawler.as_dict = told  # type: ignore[method-assign]
    GlueResponse.get_crawler_metrics = metrics  # type: ignore[attr-defined]


def _patch_ends() -> None:
    begin_job, begin_query = FakeJobRun.__init__, Execution.__init__

    def begin(self: Any, job_name: str, *args: Any, **kwargs: Any) -> None:
        begin_job(self, job_name, *args, **kwargs)
        self._transitions = _planned(self._transitions, job_name)

    def ask(self: Any, query: str, *args: Any, **kwargs: Any) -> None:
        begin_query(self, query, *args, **kwargs)
        self._transitions = _planned(self._transitions, query)

    def stop(self: Any) -> str:
        name, ids = self.parameters["JobName"], self.parameters["JobRunIds"]
        backend: GlueBackend = self.glue_backend
        for run_id in ids:
            backend.get_job_run(name, run_id).status = "STOPPED"
        done = [{"JobName": name, "JobRunId": run_id} for run_id in ids]
        return json.dumps({"SuccessfulSubmissions": done, "Errors": []})

    FakeJobRun.__init__ = begin  # type: ignore[assignment,method-assign]
    Execution.__init__ = ask  # type: ignore[assignment,method-assign]
    GlueResponse.batch_stop_job_run = stop  # type: ignore[attr-defined]


def _planned(transitions: list[tuple[str | None, str]], text: str) -> list[tuple[str | None, str]]:
    if "forever" in text:
        return [one for one in transitions if one[1] != "SUCCEEDED"]
    return [(one[0], "FAILED") if "fails" in text and one[1] == "SUCCEEDED" else one for one in transitions]


def main() -> None:
    """Serve until the standard input ends."""
    _patch_storage()
    _patch_clusters()
    _patch_crawlers()
    _patch_ends()
    for model in ("glue::job_run", "glue::crawl", "athena::execution"):
        state_manager.set_transition(model, {"progression": "manual", "times": 2})
    default_user_config["lambda"]["use_docker"] = False
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
