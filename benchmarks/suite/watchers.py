"""Watchers: from a message or a file to its stored event, and to the run that it starts.

* a queue of 10,000 messages that are there at once, and a folder with 1,000 files, each with a DAG that takes all
  that has come: seconds until all events are stored, as events a second;
* ten messages a second, each of which starts a run: from when it was written to the first line of its run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import wait_until

NAME: Final = "watchers"
#: Seconds between paced messages.
_PACE: Final = 0.1
#: Messages before the measurement: workers are up.
_WARM_UP: Final = 10


def measure(system: Bide, scale: Scale) -> Figures:
    """Events a second, and lags in ms."""
    figures = Figures(NAME)
    messages, files = (1_000, 100) if scale.quick else (10_000, 1_000)
    watched = system.home / "watched"
    with system.start("watched", BENCH_WATCHED=str(watched)):
        (watched / "in").mkdir(parents=True)
        for dag_id in ("of_busy", "of_files", "of_paced"):
            system.await_dag(dag_id)
        _await(system, lambda rows: all(row["state"] == "watching" for row in rows.values()) and len(rows) == 3)
        began = time.monotonic()
        _write(watched / "busy", ({"number": number} for number in range(messages)))
        _await(system, lambda rows: rows["busy"]["events"] == messages)
        rate = messages / (time.monotonic() - began)
        figures.add(f"queue of {messages:,} messages", "events/s", [rate], Target("min", ">=", 1_000))
        began = time.monotonic()
        for number in range(files):
            (watched / "in" / f"{number}.csv").write_text("a,b\n")
        _await(system, lambda rows: rows["files"]["events"] == files)
        figures.add(f"folder with {files:,} files", "events/s", [files / (time.monotonic() - began)])
        lags = _paced(system, watched / "paced", 20 if scale.quick else 200)
        figures.add("message to its run's first line", "ms", lags)
    return figures


def _paced(system: Bide, queue: Path, number: int) -> list[float]:
    for _ in range(_WARM_UP + number):
        time.sleep(_PACE)
        _write(queue, [{"at": time.time()}])

    def look() -> list[dict[str, Any]] | None:
        text = system.marks_file.read_text() if system.marks_file.exists() else ""
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return lines if len(lines) >= _WARM_UP + number else None

    marks = wait_until(look, what="a run for each message", patience=60, every=0.05)
    ordered = sorted(marks, key=lambda one: one["written"])
    return [1000 * (one["at"] - one["written"]) for one in ordered[_WARM_UP:]]


def _write(file: Path, lines: Iterable[dict[str, Any]]) -> None:
    with file.open("a") as out:
        out.write("".join(f"{json.dumps(line)}\n" for line in lines))


def _await(system: Bide, check: Any) -> None:
    def look() -> bool:
        found = system.request("GET", "/api/v2/assets/watchers").json()["asset_watchers"]
        return check({row["asset_name"]: row for row in found})

    wait_until(look, what="events of watchers", patience=120, every=0.02)
