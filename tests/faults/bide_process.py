"""A project folder with its state, and real ``bide`` processes that work in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from bide.config.load import load_config
from bide.engine.membership import store_id
from bide.observe.leftovers import find_marked
from tests.faults.run_history import Line, Snapshot, read_ledger

_BIDE: Final = Path(sys.executable).with_name("bide")
_DAG: Final = Path(__file__).parent / "dags" / "survives.py"
#: Seconds that anything here may take on a busy machine.
PATIENCE: Final = 60.0


class Project:
    """`folder` with the DAG ``survives`` and a store of its own, a copy of `empty_store`."""

    def __init__(self, folder: Path, empty_store: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.ledger_file = folder / "ledger"
        self.gate_file = folder / "gate"
        self.dag_file = folder / "dags" / _DAG.name
        self.database = self.home / "bide.db"
        self.home.mkdir(parents=True)
        self.dag_file.parent.mkdir()
        shutil.copy(_DAG, self.dag_file)
        shutil.copy(empty_store, self.database)
        # Two slots for four parallel tasks: one that leaks is missed, and two hold up the run for ever.
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("BIDE", "AIRFLOW"))},
            "BIDE_HOME": str(self.home),
            "BIDE__CORE__PARALLELISM": "2",
        }
        self.store_id = store_id(load_config(folder, self.environment))

    def conf(self, *, gate: bool = False) -> str:
        """The run's conf; with a gate it can't end before :meth:`open_gate`."""
        return json.dumps({"ledger": str(self.ledger_file), **({"gate": str(self.gate_file)} if gate else {})})

    def open_gate(self) -> None:
        """Let a run with a gate go on."""
        self.gate_file.touch()

    def start(self, *arguments: str, fault: str = "") -> subprocess.Popen[str]:
        """Start ``bide`` with `arguments`; `fault` as of :mod:`bide.engine.faults`."""
        extra: Mapping[str, str] = {"BIDE_FAULT": fault} if fault else {}
        with (self.folder / "output").open("a") as output:
            return subprocess.Popen(
                [str(_BIDE), *arguments],
                cwd=self.folder,
                env={**self.environment, **extra},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                text=True,
            )

    def run(self, *arguments: str, fault: str = "") -> int:
        """Run ``bide`` to its end; the exit code, negative for a signal."""
        process = self.start(*arguments, fault=fault)
        try:
            return process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()

    def run_dag(self, *, fault: str = "") -> int:
        """``bide run`` of the DAG."""
        return self.run("run", str(self.dag_file), "--conf", self.conf(), fault=fault)

    def resume(self) -> int:
        """``bide run --resume`` of the only run there is."""
        return self.run("run", str(self.dag_file), "--resume", self.snapshot().run_id)

    def snapshot(self) -> Snapshot:
        """The only run, as it is now."""
        return Snapshot.read(self.database)

    def ledger(self) -> list[Line]:
        """What its tasks have noted."""
        return read_ledger(self.ledger_file)

    def output(self) -> str:
        """What its processes have said."""
        texts = [file.read_text() for file in (self.folder / "output", self.home / "engine.log") if file.exists()]
        return "\n".join(texts)

    def processes(self) -> list[int]:
        """Processes that the engines of this store have started, and that live."""
        return find_marked(self.store_id)

    def lasting_processes(self) -> list[int]:
        """Those of :meth:`processes` that do not end soon; empty as soon as there are none."""
        end = time.monotonic() + PATIENCE / 4
        while (found := self.processes()) and time.monotonic() < end:
            time.sleep(0.02)
        return found

    def kill_everything(self, engine: subprocess.Popen[str]) -> None:
        """SIGKILL to the engine and to all its processes at once, as when a machine goes down."""
        for pid in [engine.pid, *self.processes()]:
            with suppress(ProcessLookupError):  # some end by themselves as soon as the engine is gone
                os.kill(pid, signal.SIGKILL)
        engine.wait(PATIENCE)


def until(check: Callable[[], bool], what: Callable[[], str]) -> None:
    """Look at what other processes do until it is as it should be; there is nothing to wait on."""
    end = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < end, f"not within {PATIENCE:.0f} s: {what()}"
        time.sleep(0.02)
