"""Metrics reach a StatsD server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from bide.standard.stats import Stats


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Asks a server for the next datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(server.getsockname()[1]))
        yield lambda: server.recv(1000).decode()


def test_counts_gauges_and_times_are_sent(received: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    Stats.initialize(is_statsd_datadog_enabled=False)
    Stats.incr("rows", 5)
    Stats.decr("rows")
    Stats.gauge("size", 7)
    Stats.gauge("size", 2, delta=True)
    Stats.timing("took", timedelta(seconds=1.5))
    Stats.timing("never", None)
    assert [received() for _ in range(5)] == [
        "airflow.rows:5|c",
        "airflow.rows:-1|c",
        "airflow.size:7|g",
        "airflow.size:+2|g",
        "airflow.took:1500.000000|ms",
    ]
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PREFIX", "bide")
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED", "True")
    Stats.incr("rows", tags={"dag": "d"})
    assert received() == "bide.rows,dag=d:1|c"
    monkeypatch.delenv("AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED")
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_DATADOG_ENABLED", "True")
    Stats.incr("rows", tags={"dag": "d"})
    assert received() == "bide.rows:1|c|#dag:d"
    Stats.incr("rows", rate=0)
    with Stats.timer("block") as timer:
        pass
    assert received() == f"bide.block:{timer.duration:.6f}|ms"


def test_nothing_is_sent_unless_asked_for(received: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "False")
    Stats.incr("quiet")
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    Stats.incr("loud")
    assert received() == "airflow.loud:1|c"


def test_a_server_that_is_not_there_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "no.such.host.invalid")
    Stats.incr("lost")
