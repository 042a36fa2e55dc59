"""Testing DAGs: everything for authors' own tests.

    from bide.testing import run_dag

    def test_etl():
        result = run_dag(dag, events={"wait_for_file": {"path": "/data/in.csv"}})
        assert result["load"].result == 42

Names are looked up when they are first used: pytest imports this package in every project that has Bide installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bide.testing.broker import MemoryBroker
    from bide.testing.callbacks import call_back
    from bide.testing.clock import RealClock, SkippingClock
    from bide.testing.dag_bag import DagBag
    from bide.testing.dag_files import ParsedFile, ParsedFolder, dag_bag, parse_file
    from bide.testing.events import in_turn
    from bide.testing.results import RunFailed, RunResult, RunStuck, TaskResult, Wait
    from bide.testing.run import run_dag

__all__ = [
    "DagBag",
    "MemoryBroker",
    "ParsedFile",
    "ParsedFolder",
    "RealClock",
    "RunFailed",
    "RunResult",
    "RunStuck",
    "SkippingClock",
    "TaskResult",
    "Wait",
    "call_back",
    "dag_bag",
    "in_turn",
    "parse_file",
    "run_dag",
]

_MODULE_OF = {
    "DagBag": "dag_bag",
    "MemoryBroker": "broker",
    "ParsedFile": "dag_files",
    "ParsedFolder": "dag_files",
    "RealClock": "clock",
    "RunFailed": "results",
    "RunResult": "results",
    "RunStuck": "results",
    "SkippingClock": "clock",
    "TaskResult": "results",
    "Wait": "results",
    "call_back": "callbacks",
    "dag_bag": "dag_files",
    "in_turn": "events",
    "parse_file": "dag_files",
    "run_dag": "run",
}


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'bide.testing' has no attribute {name!r}")
    value = getattr(import_module(f"bide.testing.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
