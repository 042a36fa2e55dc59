"""Metrics of tasks and packages, sent to StatsD: ``Stats.incr("rows", 5)``.

Nothing is sent unless ``[metrics] statsd_on`` is set. ``statsd_host`` (localhost), ``statsd_port`` (8125) and
``statsd_prefix`` (airflow) say where to and under which name; tags are written in InfluxDB's way with
``statsd_influxdb_enabled``, in Datadog's with ``statsd_datadog_enabled``, and left out otherwise. A datagram is
sent and forgotten: neither a server that is not there nor one that is slow holds a task up.
"""

from __future__ import annotations

import logging
import random
import socket
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

from bide.authoring.settings import find_flag, find_number, find_setting

_log = logging.getLogger("bide.stats")

_DEFAULT_PORT: Final = 8125


class Timer(AbstractContextManager["Timer"]):
    """Measures a block, or what is between :meth:`start` and :meth:`stop`; ``duration`` is in milliseconds."""

    def __init__(self, stat: str | None = None, tags: Mapping[str, Any] | None = None) -> None:
        self._stat = stat
        self._tags = tags
        self._began: float | None = None
        self.duration: float | None = None

    def start(self) -> Self:
        """Begin to measure."""
        self._began = time.perf_counter()
        return self

    def stop(self, send: bool = True) -> None:
        """Stop measuring, and tell how long it was."""
        if self._began is not None:
            self.duration = (time.perf_counter() - self._began) * 1000
        if send and self._stat is not None and self.duration is not None:
            Stats.timing(self._stat, self.duration, tags=self._tags)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Stats:
    """Counters, gauges and times; `rate` is the share of calls of which one is sent."""

    @staticmethod
    def initialize(*args: Any, **kwargs: Any) -> None:
        """Accepted: the settings are read when something is sent."""

    @staticmethod
    def incr(stat: str, count: int = 1, rate: float = 1, *, tags: Mapping[str, Any] | None = None) -> None:
        """Count up."""
        _send(stat, f"{count}|c", rate, tags)

    @staticmethod
    def decr(stat: str, count: int = 1, rate: float = 1, *, tags: Mapping[str, Any] | None = None) -> None:
        """Count down."""
        _send(stat, f"{-count}|c", rate, tags)

    @staticmethod
    def gauge(
        stat: str, value: float, rate: float = 1, delta: bool = False, *, tags: Mapping[str, Any] | None = None
    ) -> None:
        """Say what something is at, or with `delta` by how much it has changed."""
        _send(stat, f"{value:+}|g" if delta else f"{value}|g", rate, tags)

    @staticmethod
    def timing(stat: str, dt: float | timedelta | None, *, tags: Mapping[str, Any] | None = None) -> None:
        """Say how long something took: a timedelta, or milliseconds."""
        if dt is not None:
            span = dt.total_seconds() * 1000 if isinstance(dt, timedelta) else dt
            _send(stat, f"{span:.6f}|ms", 1, tags)

    @staticmethod
    def timer(stat: str | None = None, *args: Any, tags: Mapping[str, Any] | None = None, **kwargs: Any) -> Timer:
        """A block whose time is told."""
        return Timer(stat, tags)


Stats: Final = _Stats()


def _send(stat: str, value: str, rate: float, tags: Mapping[str, Any] | None) -> None:
    if not find_flag("metrics", "statsd_on", False) or (rate < 1 and random.random() >= rate):
        return
    prefix = find_setting("metrics", "statsd_prefix")
    name = ".".join(part for part in ("airflow" if prefix is None else prefix, stat) if part)
    after = f"|@{rate}" if rate < 1 else ""
    if tags and find_flag("metrics", "statsd_influxdb_enabled", False):
        name += "".join(f",{key}={value}" for key, value in tags.items())
    elif tags and find_flag("metrics", "statsd_datadog_enabled", False):
        after += "|#" + ",".join(f"{key}:{value}" for key, value in tags.items())
    address = (
        find_setting("metrics", "statsd_host") or "localhost",
        find_number("metrics", "statsd_port", _DEFAULT_PORT),
    )
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(f"{name}:{value}{after}".encode(), address)
    except OSError as error:
        _log.debug("the metric %s can't be sent to %s:%d: %s", name, *address, error)
