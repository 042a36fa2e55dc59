"""kill -9 of one of three triggerers that hold 30,000 polls, with the default heartbeat.

A run of 1,000 tasks is made in earnest and its rows are copied under new ids until there are 30,000 waits. Once all
are held, one triggerer is killed. Measured is the time until each of its waits is leased to a living triggerer and
was given to one of its runner processes, as these say themselves. Then a file is made that all polls look for, with
an interval of 30 s, and all tasks end by their triggers; the history of each tells whether it ended, and how often.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide_apart import TRIGGERERS, BideApart
from benchmarks.systems.contract import BenchmarkError, wait_until
from bide.engine.bell_socket import EngineClient

NAME: Final = "failover"
_TASKS: Final = 1000
#: Seconds after the start of all processes, or after the last claim, in which everything comes to rest.
_SETTLE: Final = 5.0
_NEW_UID: Final = "lpad(to_hex({copy}), 8, '0') || substr({column}, 9)"
_LEASES: Final = "SELECT s.pid, count(*) FROM wait w JOIN session s ON s.uid = w.session GROUP BY s.pid"


def measure(system: BideApart, scale: Scale) -> Figures:
    """Seconds, and what became of the tasks."""
    figures = Figures(NAME)
    count = 3_000 if scale.quick else 30_000
    after: list[float] = []
    shares: list[float] = []
    lost = twice = 0
    for _ in range(1 if scale.quick else 3):
        with system.start("gate"):
            system.await_dag("gate")
            _fill(system, count)
            wait_until(lambda: _held(system) == count, what=f"{count:,} waits held", patience=300, every=0.2)
            time.sleep(_SETTLE)
            victim = system.triggerers[0]
            leases = dict(system.ask(_LEASES))
            shares += [100 * leases.get(one.pid, 0) / count for one in system.triggerers]
            after.append(_seconds_until_served(system, victim, count))
            (system.home / "gate").touch()
            wait_until(lambda: _waiting(system) == 0, what="the end of all tasks", patience=600, every=0.5)
            not_ended, ended_twice = _histories(system)
            lost += not_ended
            twice += ended_twice
    figures.add(f"{count:,} waits: all served again after", "s", after, Target("max", "<=", 6))
    figures.add("waits of each triggerer before", "% of all", shares, note=f"{TRIGGERERS} triggerers")
    figures.add("tasks that did not end", "tasks", [lost], Target("max", "<=", 0))
    figures.add("tasks that ended twice", "tasks", [twice], Target("max", "<=", 0))
    return figures


def _fill(system: BideApart, count: int) -> None:
    run_id = system.trigger("gate")
    wait_until(lambda: _held(system) == _TASKS, what="the first waits held", patience=180, every=0.2)
    for table, uids, changed in (
        ("dag_run", ("uid",), {"run_id": "run_id || '_' || {copy}"}),
        ("task_instance", ("uid", "run_uid"), {"run_id": "run_id || '_' || {copy}"}),
        ("task_event", ("instance_uid",), {}),
        ("wait", ("uid", "instance_uid", "run_uid"), {"session": "NULL"}),
    ):
        found = system.ask(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s",
            table,
        )
        columns = [row[0] for row in found if (table, row[0]) != ("task_event", "id")]
        new = {**{uid: _NEW_UID.format(copy="{copy}", column=uid) for uid in uids}, **changed}
        values = ", ".join(new.get(column, f'"{column}"').replace("{copy}", "copy") for column in columns)
        names = ", ".join(f'"{column}"' for column in columns)
        model = "(SELECT uid FROM dag_run WHERE run_id = %s)"
        of_run = {
            "dag_run": f"uid = {model}",
            "task_event": f"instance_uid IN (SELECT uid FROM task_instance WHERE run_uid = {model})",
        }.get(table, f"run_uid = {model}")
        copied = f"SELECT {values} FROM {table}, generate_series(1, %s) copy WHERE {of_run}"
        system.ask(f"INSERT INTO {table} ({names}) {copied}", count // _TASKS - 1, run_id)
    system.ask("ANALYZE")
    system.ask("SELECT pg_notify('bide', 'benchmark waits')")


def _held(system: BideApart) -> int:
    return sum(number for _, number in system.ask(_LEASES))


def _waiting(system: BideApart) -> int:
    return system.ask("SELECT count(*) FROM wait")[0][0]


def _seconds_until_served(system: BideApart, victim: Any, count: int) -> float:
    held = "SELECT w.uid FROM wait w JOIN session s ON s.uid = w.session WHERE s.pid = %s"
    orphans = {row[0] for row in system.ask(held, victim.pid)}
    if not orphans:
        raise BenchmarkError("the triggerer that is to be killed holds nothing")
    begun = time.monotonic()
    system.crash(victim)
    living = [one.pid for one in system.triggerers]
    by_living = "SELECT count(*) FROM wait w JOIN session s ON s.uid = w.session WHERE s.pid = ANY(%s)"
    wait_until(
        lambda: system.ask(by_living, living)[0][0] == count, what="all leased again", patience=120, every=0.05
    )
    clients = [EngineClient(system.state_folder / f"engine-{pid}.sock") for pid in living]

    def served() -> bool:
        answers = [asyncio.run(client.ask("where", sorted(orphans))) for client in clients]
        return orphans <= {wait_id for answer in answers for wait_id in answer or ()}

    wait_until(served, what="all given to runners", patience=60, every=0.05)
    return time.monotonic() - begun


def _histories(system: BideApart) -> tuple[int, int]:
    """(tasks that have not ended, tasks that have more than one end)."""
    not_ended = system.ask("SELECT count(*) FROM task_instance WHERE state <> 'success'")[0][0]
    ends = "SELECT instance_uid FROM task_event WHERE state = 'success' GROUP BY instance_uid HAVING count(*) > 1"
    return not_ended, system.ask(f"SELECT count(*) FROM ({ends}) more")[0][0]
