"""The names of ``import bide``, and what importing them may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bide
from bide.facade import MODULE_OF

#: Frozen: a name that is taken away or added is a decision, and shows here.
NAMES = [
    "BaseDeadlineReference",
    "DAG",
    "Asset",
    "asset",
    "AssetAlias",
    "AssetAll",
    "AssetAny",
    "AssetEvent",
    "AssetOrTimeSchedule",
    "Dataset",
    "Metadata",
    "Model",
    "AuthoringError",
    "EmailOperator",
    "HITLOperator",
    "HITLEntryOperator",
    "HITLBranchOperator",
    "ApprovalOperator",
    "VariableInterval",
    "setup",
    "teardown",
    "DayOfWeekSensor",
    "PythonSensor",
    "BashSensor",
    "PythonVirtualenvOperator",
    "LatestOnlyOperator",
    "ExternalPythonOperator",
    "BranchDayOfWeekOperator",
    "BranchDateTimeOperator",
    "BaseAsyncOperator",
    "BaseBranchOperator",
    "BaseHook",
    "BaseNotifier",
    "BaseOperator",
    "BaseSensorOperator",
    "AssetWatcher",
    "BaseEventTrigger",
    "BaseTrigger",
    "BashOperator",
    "BideError",
    "BranchPythonOperator",
    "Connection",
    "ConnectionNotFound",
    "ChainRetryPolicy",
    "Context",
    "AsyncCallback",
    "DeadlineAlert",
    "DeadlineReference",
    "SyncCallback",
    "CronDataIntervalTimetable",
    "CronTriggerTimetable",
    "DeltaDataIntervalTimetable",
    "DeltaTriggerTimetable",
    "EventsTimetable",
    "MultipleCronTriggerTimetable",
    "DagRunInfo",
    "DataInterval",
    "TimeRestriction",
    "Timetable",
    "DagRun",
    "DateTimeSensor",
    "DateTimeTrigger",
    "DeferralTimeout",
    "DownstreamTasksSkipped",
    "EmptyOperator",
    "ExternalTaskMarker",
    "ExternalTaskSensor",
    "ExceptionRetryPolicy",
    "FileSensor",
    "EveryTrigger",
    "FileChangeTrigger",
    "FileTrigger",
    "HttpChangeTrigger",
    "HttpJobOperator",
    "JobOperator",
    "JobStatus",
    "Label",
    "Param",
    "ParamsDict",
    "PokeReturnValue",
    "PollTrigger",
    "PriorityWeightStrategy",
    "PythonOperator",
    "ReplayMismatch",
    "RetryAction",
    "RetryDecision",
    "RetryPolicy",
    "RetryRule",
    "SensorTimeout",
    "ShortCircuitOperator",
    "SignalTrigger",
    "SkipMixin",
    "StartTriggerArgs",
    "StreamConsumer",
    "StreamMessage",
    "StreamTrigger",
    "TaskDeferred",
    "TaskError",
    "TaskFailedEvent",
    "TaskFailure",
    "TaskFailureEvent",
    "TaskGroup",
    "TaskInstance",
    "TaskRescheduled",
    "TaskSkipped",
    "TaskSkippedEvent",
    "TaskSuccessEvent",
    "TaskTimeout",
    "TimeDeltaSensor",
    "TimeDeltaTrigger",
    "TimerTrigger",
    "TriggerDagRunOperator",
    "TriggerEvent",
    "TriggerFailure",
    "TriggerRule",
    "Variable",
    "VariableNotFound",
    "WeightRule",
    "XComArg",
    "XComNotFound",
    "all_of",
    "any_of",
    "callback_url",
    "chain",
    "chain_linear",
    "cross_downstream",
    "dag",
    "gather",
    "get_current_context",
    "get_parsing_context",
    "mask_secret",
    "n_of",
    "poke_mode_only",
    "step",
    "step_key",
    "task",
    "task_group",
    "wait",
    "within",
]

#: Packages that DAG files without need of them must not load: each takes a good part of the 100 ms.
HEAVY = {
    "alembic",
    "asyncio",
    "concurrent.futures",
    "cronsim",
    "fastapi",
    "httpx",
    "jinja2",
    "logging",
    "msgspec",
    "pathlib",
    "pendulum",
    "pydantic",
    "rich",
    "sqlalchemy",
    "ssl",
    "structlog",
    "subprocess",
    "typer",
    "uvicorn",
    "zoneinfo",
}

#: Modules of Bide that ``from bide import DAG, task`` may load.
OWN = [
    "bide",
    "bide.authoring",
    "bide.authoring.asset_watchers",
    "bide.authoring.callback_url",
    "bide.authoring.callbacks",
    "bide.authoring.calling",
    "bide.authoring.conditions",
    "bide.authoring.construction",
    "bide.authoring.dag",
    "bide.authoring.dag_history",
    "bide.authoring.dag_member",
    "bide.authoring.deferral",
    "bide.authoring.dependencies",
    "bide.authoring.function_text",
    "bide.authoring.given_schedule",
    "bide.authoring.group",
    "bide.authoring.hints",
    "bide.authoring.lazy_xcoms",
    "bide.authoring.moments",
    "bide.authoring.older_names",
    "bide.authoring.operator",
    "bide.authoring.operator_checks",
    "bide.authoring.params",
    "bide.authoring.python",
    "bide.authoring.rendering",
    "bide.authoring.resolving",
    "bide.authoring.runtime",
    "bide.authoring.scope",
    "bide.authoring.sequences",
    "bide.authoring.settings",
    "bide.authoring.setup_teardown",
    "bide.authoring.start_trigger",
    "bide.authoring.task_calls",
    "bide.authoring.taskflow",
    "bide.authoring.testable",
    "bide.authoring.timetable",
    "bide.authoring.trigger",
    "bide.authoring.xcom_arg",
    "bide.facade",
    "bide.model",
    "bide.model.errors",
    "bide.model.failed_waits",
    "bide.model.graph",
    "bide.model.ids",
    "bide.model.mapping",
    "bide.model.param_schema",
    "bide.model.provider_errors",
    "bide.model.run_types",
    "bide.model.states",
    "bide.model.trigger_rules",
]


def test_the_names_are_frozen() -> None:
    assert sorted(bide.__all__) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there(name: str) -> None:
    assert getattr(bide, name) is not None
    assert name in dir(bide)


def test_editors_see_each_name() -> None:
    """Type checkers read only the imports under TYPE_CHECKING: both lists must agree, module by module."""
    (tree,) = [node for node in ast.parse(Path(bide.__file__).read_text()).body if isinstance(node, ast.If)]
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bide.")
        for alias in node.names
    }
    assert seen == MODULE_OF


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'bide' has no attribute 'Dag'"):
        _ = bide.Dag  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        exec("from bide import nonsense")


def test_the_version_is_that_of_the_distribution() -> None:
    assert bide.__version__.count(".") == 2


def loaded_by(code: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after `code`, beyond those of an empty program."""
    listing = "import sys; before = set(sys.modules); exec({!r}); print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", listing.format(code)], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_what_a_dag_file_loads_is_listed() -> None:
    loaded = loaded_by("import bide; from bide import DAG, task")
    assert {name for name in loaded if name.split(".")[0] == "bide"} == set(OWN)
    assert not HEAVY & loaded


def test_making_a_dag_loads_nothing_more() -> None:
    code = """
from datetime import datetime
from bide import DAG, task
with DAG("d", schedule="@daily", start_date=datetime(2024, 1, 1)):
    @task
    def a(): return 1
    @task
    def b(x): ...
    b(a())
"""
    loaded = loaded_by(code)
    assert not HEAVY & loaded


def test_importing_the_package_alone_loads_nothing_of_it() -> None:
    assert {name for name in loaded_by("import bide") if name.startswith("bide")} == {"bide"}
