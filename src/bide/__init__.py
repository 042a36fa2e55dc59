"""Bide: workflows in Python for work that mostly waits.

What DAG authors import::

    from bide import DAG, task

    with DAG("hello", schedule="@daily"):

        @task
        def greet(ds=None):
            print("hello on", ds)

        greet()

Names are looked up when they are first used, so that ``import bide`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bide.authoring.asset_decorator import asset
    from bide.authoring.asset_events import AssetEvent, Metadata
    from bide.authoring.asset_schedules import AssetOrTimeSchedule
    from bide.authoring.assets import Asset, AssetAlias, AssetAll, AssetAny, AssetWatcher, Dataset, Model
    from bide.authoring.async_operator import BaseAsyncOperator
    from bide.authoring.branch import BaseBranchOperator
    from bide.authoring.callback_url import callback_url
    from bide.authoring.composition import all_of, any_of, n_of, within
    from bide.authoring.connection import Connection
    from bide.authoring.context import Context, DagRun, TaskInstance, get_current_context
    from bide.authoring.dag import DAG
    from bide.authoring.dag_decorator import dag
    from bide.authoring.deadlines import (
        AsyncCallback,
        BaseDeadlineReference,
        DeadlineAlert,
        DeadlineReference,
        SyncCallback,
        VariableInterval,
    )
    from bide.authoring.deferral import TaskDeferred, TaskRescheduled
    from bide.authoring.dependencies import Label, chain, chain_linear, cross_downstream
    from bide.authoring.durable import gather, step, step_key, wait
    from bide.authoring.event_trigger import BaseEventTrigger
    from bide.authoring.group import TaskGroup, task_group
    from bide.authoring.hook import BaseHook
    from bide.authoring.job import JobOperator
    from bide.authoring.job_status import JobStatus
    from bide.authoring.notifier import BaseNotifier
    from bide.authoring.operator import BaseOperator
    from bide.authoring.params import Param, ParamsDict
    from bide.authoring.parsing_context import get_parsing_context
    from bide.authoring.priority import PriorityWeightStrategy, WeightRule
    from bide.authoring.python import PythonOperator
    from bide.authoring.retry_policy import (
        ChainRetryPolicy,
        ExceptionRetryPolicy,
        RetryAction,
        RetryDecision,
        RetryPolicy,
        RetryRule,
    )
    from bide.authoring.sensor import BaseSensorOperator, PokeReturnValue, poke_mode_only
    from bide.authoring.setup_decorators import setup, teardown
    from bide.authoring.skipping import DownstreamTasksSkipped, SkipMixin
    from bide.authoring.start_trigger import StartTriggerArgs
    from bide.authoring.stream import StreamConsumer, StreamMessage, StreamTrigger
    from bide.authoring.taskflow import task
    from bide.authoring.timetable import DagRunInfo, DataInterval, TimeRestriction, Timetable
    from bide.authoring.timetables import (
        CronDataIntervalTimetable,
        CronTriggerTimetable,
        DeltaDataIntervalTimetable,
        DeltaTriggerTimetable,
        EventsTimetable,
        MultipleCronTriggerTimetable,
    )
    from bide.authoring.trigger import (
        BaseTrigger,
        PollTrigger,
        SignalTrigger,
        TaskFailedEvent,
        TaskFailureEvent,
        TaskSkippedEvent,
        TaskSuccessEvent,
        TimerTrigger,
        TriggerEvent,
    )
    from bide.authoring.trigger_rule import TriggerRule
    from bide.authoring.variable import Variable
    from bide.authoring.xcom_arg import XComArg
    from bide.model.errors import (
        AuthoringError,
        BideError,
        ConnectionNotFound,
        DeferralTimeout,
        ReplayMismatch,
        SensorTimeout,
        TaskError,
        TaskFailure,
        TaskSkipped,
        TaskTimeout,
        TriggerFailure,
        VariableNotFound,
        XComNotFound,
    )
    from bide.observe.masking import mask_secret
    from bide.standard.operators.bash import BashOperator
    from bide.standard.operators.branch import BranchPythonOperator, ShortCircuitOperator
    from bide.standard.operators.branch_by_time import BranchDateTimeOperator, BranchDayOfWeekOperator
    from bide.standard.operators.email import EmailOperator
    from bide.standard.operators.empty import EmptyOperator
    from bide.standard.operators.external_python import ExternalPythonOperator
    from bide.standard.operators.hitl import ApprovalOperator, HITLBranchOperator, HITLEntryOperator, HITLOperator
    from bide.standard.operators.http_job import HttpJobOperator
    from bide.standard.operators.latest_only import LatestOnlyOperator
    from bide.standard.operators.trigger_dagrun import TriggerDagRunOperator
    from bide.standard.operators.virtualenv import PythonVirtualenvOperator
    from bide.standard.sensors.bash import BashSensor
    from bide.standard.sensors.external_task import ExternalTaskMarker, ExternalTaskSensor
    from bide.standard.sensors.file import FileSensor
    from bide.standard.sensors.python import PythonSensor
    from bide.standard.sensors.time import DateTimeSensor, TimeDeltaSensor
    from bide.standard.sensors.weekday import DayOfWeekSensor
    from bide.standard.triggers.file import FileTrigger
    from bide.standard.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger
    from bide.standard.triggers.watching import EveryTrigger, FileChangeTrigger, HttpChangeTrigger


__all__ = [
    "DAG",
    "ApprovalOperator",
    "Asset",
    "AssetAlias",
    "AssetAll",
    "AssetAny",
    "AssetEvent",
    "AssetOrTimeSchedule",
    "AssetWatcher",
    "AsyncCallback",
    "AuthoringError",
    "BaseAsyncOperator",
    "BaseBranchOperator",
    "BaseDeadlineReference",
    "BaseEventTrigger",
    "BaseHook",
    "BaseNotifier",
    "BaseOperator",
    "BaseSensorOperator",
    "BaseTrigger",
    "BashOperator",
    "BashSensor",
    "BideError",
    "BranchDateTimeOperator",
    "BranchDayOfWeekOperator",
    "BranchPythonOperator",
    "ChainRetryPolicy",
    "Connection",
    "ConnectionNotFound",
    "Context",
    "CronDataIntervalTimetable",
    "CronTriggerTimetable",
    "DagRun",
    "DagRunInfo",
    "DataInterval",
    "Dataset",
    "DateTimeSensor",
    "DateTimeTrigger",
    "DayOfWeekSensor",
    "DeadlineAlert",
    "DeadlineReference",
    "DeferralTimeout",
    "DeltaDataIntervalTimetable",
    "DeltaTriggerTimetable",
    "DownstreamTasksSkipped",
    "EmailOperator",
    "EmptyOperator",
    "EventsTimetable",
    "EveryTrigger",
    "ExceptionRetryPolicy",
    "ExternalPythonOperator",
    "ExternalTaskMarker",
    "ExternalTaskSensor",
    "FileChangeTrigger",
    "FileSensor",
    "FileTrigger",
    "HITLBranchOperator",
    "HITLEntryOperator",
    "HITLOperator",
    "HttpChangeTrigger",
    "HttpJobOperator",
    "JobOperator",
    "JobStatus",
    "Label",
    "LatestOnlyOperator",
    "Metadata",
    "Model",
    "MultipleCronTriggerTimetable",
    "Param",
    "ParamsDict",
    "PokeReturnValue",
    "PollTrigger",
    "PriorityWeightStrategy",
    "PythonOperator",
    "PythonSensor",
    "PythonVirtualenvOperator",
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
    "SyncCallback",
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
    "TimeRestriction",
    "TimerTrigger",
    "Timetable",
    "TriggerDagRunOperator",
    "TriggerEvent",
    "TriggerFailure",
    "TriggerRule",
    "Variable",
    "VariableInterval",
    "VariableNotFound",
    "WeightRule",
    "XComArg",
    "XComNotFound",
    "all_of",
    "any_of",
    "asset",
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
    "setup",
    "step",
    "step_key",
    "task",
    "task_group",
    "teardown",
    "wait",
    "within",
]

#: Which module has which of the names above.


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("bide")
    from bide.facade import MODULE_OF

    module = MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'bide' has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(module), name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
