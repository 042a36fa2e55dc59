"""The task SDK."""

from typing import TYPE_CHECKING

from bide.authoring import macros as macros
from bide.authoring.dag import DAG as DAG
from bide.authoring.dag_decorator import dag as dag
from bide.authoring.dependencies import Label as EdgeModifier
from bide.authoring.dependencies import Label as Label
from bide.authoring.dependencies import chain as chain
from bide.authoring.dependencies import chain_linear as chain_linear
from bide.authoring.dependencies import cross_downstream as cross_downstream
from bide.authoring.group import TaskGroup as TaskGroup
from bide.authoring.group import task_group as task_group
from bide.authoring.operator import BaseOperator as BaseOperator
from bide.authoring.params import Param as Param
from bide.authoring.params import ParamsDict as ParamsDict
from bide.authoring.resolving import Literal as literal
from bide.authoring.sensor import BaseSensorOperator as BaseSensorOperator
from bide.authoring.sensor import PokeReturnValue as PokeReturnValue
from bide.authoring.taskflow import task as task
from bide.authoring.xcom_arg import XComArg as XComArg
from bide.model.states import RunState as DagRunState
from bide.model.states import TaskState as TaskInstanceState

if TYPE_CHECKING:
    from bide.authoring.asset_decorator import asset as asset
    from bide.authoring.asset_events import Metadata as Metadata
    from bide.authoring.asset_schedules import AssetOrTimeSchedule as AssetOrTimeSchedule
    from bide.authoring.assets import Asset as Asset
    from bide.authoring.assets import AssetAccessControl as AssetAccessControl
    from bide.authoring.assets import AssetAlias as AssetAlias
    from bide.authoring.assets import AssetAll as AssetAll
    from bide.authoring.assets import AssetAny as AssetAny
    from bide.authoring.assets import AssetWatcher as AssetWatcher
    from bide.authoring.assets import Model as Model
    from bide.authoring.async_operator import BaseAsyncOperator as BaseAsyncOperator
    from bide.authoring.branch import BaseBranchOperator as BaseBranchOperator
    from bide.authoring.connection import Connection as Connection
    from bide.authoring.context import Context as Context
    from bide.authoring.context import TaskInstance as TaskInstance
    from bide.authoring.context import get_current_context as get_current_context
    from bide.authoring.deadlines import AsyncCallback as AsyncCallback
    from bide.authoring.deadlines import BaseDeadlineReference as BaseDeadlineReference
    from bide.authoring.deadlines import DeadlineAlert as DeadlineAlert
    from bide.authoring.deadlines import DeadlineReference as DeadlineReference
    from bide.authoring.deadlines import SyncCallback as SyncCallback
    from bide.authoring.deadlines import VariableInterval as VariableInterval
    from bide.authoring.deadlines import deadline_reference as deadline_reference
    from bide.authoring.hook import BaseHook as BaseHook
    from bide.authoring.links import BaseOperatorLink as BaseOperatorLink
    from bide.authoring.notifier import BaseNotifier as BaseNotifier
    from bide.authoring.parsing_context import get_parsing_context as get_parsing_context
    from bide.authoring.priority import WeightRule as WeightRule
    from bide.authoring.resumable_job import ResumableJobMixin as ResumableJobMixin
    from bide.authoring.retry_policy import ChainRetryPolicy as ChainRetryPolicy
    from bide.authoring.retry_policy import ExceptionRetryPolicy as ExceptionRetryPolicy
    from bide.authoring.retry_policy import RetryAction as RetryAction
    from bide.authoring.retry_policy import RetryDecision as RetryDecision
    from bide.authoring.retry_policy import RetryPolicy as RetryPolicy
    from bide.authoring.retry_policy import RetryRule as RetryRule
    from bide.authoring.setup_decorators import setup as setup
    from bide.authoring.setup_decorators import teardown as teardown
    from bide.authoring.skipping import BranchMixIn as BranchMixIn
    from bide.authoring.skipping import SkipMixin as SkipMixin
    from bide.authoring.task_state import NEVER_EXPIRE as NEVER_EXPIRE
    from bide.authoring.timetables import CronDataIntervalTimetable as CronDataIntervalTimetable
    from bide.authoring.timetables import CronTriggerTimetable as CronTriggerTimetable
    from bide.authoring.timetables import DeltaDataIntervalTimetable as DeltaDataIntervalTimetable
    from bide.authoring.timetables import DeltaTriggerTimetable as DeltaTriggerTimetable
    from bide.authoring.timetables import EventsTimetable as EventsTimetable
    from bide.authoring.timetables import MultipleCronTriggerTimetable as MultipleCronTriggerTimetable
    from bide.authoring.trigger_rule import TriggerRule as TriggerRule
    from bide.authoring.variable import Variable as Variable
    from bide.authoring.xcom_backend import BaseXCom as BaseXCom
    from bide.observe.masking import mask_secret as mask_secret
    from bide.standard.configuration import conf as conf
    from bide.standard.object_storage import ObjectStoragePath as ObjectStoragePath

#: What few DAG files need, and what is loaded when it is asked for.
_LATER = {
    "Asset": "bide.authoring.assets.Asset",
    "AssetAccessControl": "bide.authoring.assets.AssetAccessControl",
    "AssetAlias": "bide.authoring.assets.AssetAlias",
    "AssetAll": "bide.authoring.assets.AssetAll",
    "AssetAny": "bide.authoring.assets.AssetAny",
    "AssetOrTimeSchedule": "bide.authoring.asset_schedules.AssetOrTimeSchedule",
    "AssetWatcher": "bide.authoring.assets.AssetWatcher",
    "AsyncCallback": "bide.authoring.deadlines.AsyncCallback",
    "BaseAsyncOperator": "bide.authoring.async_operator.BaseAsyncOperator",
    "BaseBranchOperator": "bide.authoring.branch.BaseBranchOperator",
    "BaseDeadlineReference": "bide.authoring.deadlines.BaseDeadlineReference",
    "BaseHook": "bide.authoring.hook.BaseHook",
    "BaseNotifier": "bide.authoring.notifier.BaseNotifier",
    "BaseOperatorLink": "bide.authoring.links.BaseOperatorLink",
    "BaseXCom": "bide.authoring.xcom_backend.BaseXCom",
    "BranchMixIn": "bide.authoring.skipping.BranchMixIn",
    "ChainRetryPolicy": "bide.authoring.retry_policy.ChainRetryPolicy",
    "Connection": "bide.authoring.connection.Connection",
    "Context": "bide.authoring.context.Context",
    "CronDataIntervalTimetable": "bide.authoring.timetables.CronDataIntervalTimetable",
    "CronTriggerTimetable": "bide.authoring.timetables.CronTriggerTimetable",
    "DeadlineAlert": "bide.authoring.deadlines.DeadlineAlert",
    "DeadlineReference": "bide.authoring.deadlines.DeadlineReference",
    "DeltaDataIntervalTimetable": "bide.authoring.timetables.DeltaDataIntervalTimetable",
    "DeltaTriggerTimetable": "bide.authoring.timetables.DeltaTriggerTimetable",
    "EventsTimetable": "bide.authoring.timetables.EventsTimetable",
    "ExceptionRetryPolicy": "bide.authoring.retry_policy.ExceptionRetryPolicy",
    "Metadata": "bide.authoring.asset_events.Metadata",
    "Model": "bide.authoring.assets.Model",
    "MultipleCronTriggerTimetable": "bide.authoring.timetables.MultipleCronTriggerTimetable",
    "NEVER_EXPIRE": "bide.authoring.task_state.NEVER_EXPIRE",
    "ObjectStoragePath": "bide.standard.object_storage.ObjectStoragePath",
    "ResumableJobMixin": "bide.authoring.resumable_job.ResumableJobMixin",
    "RetryAction": "bide.authoring.retry_policy.RetryAction",
    "RetryDecision": "bide.authoring.retry_policy.RetryDecision",
    "RetryPolicy": "bide.authoring.retry_policy.RetryPolicy",
    "RetryRule": "bide.authoring.retry_policy.RetryRule",
    "SkipMixin": "bide.authoring.skipping.SkipMixin",
    "SyncCallback": "bide.authoring.deadlines.SyncCallback",
    "TaskInstance": "bide.authoring.context.TaskInstance",
    "TriggerRule": "bide.authoring.trigger_rule.TriggerRule",
    "Variable": "bide.authoring.variable.Variable",
    "VariableInterval": "bide.authoring.deadlines.VariableInterval",
    "WeightRule": "bide.authoring.priority.WeightRule",
    "asset": "bide.authoring.asset_decorator.asset",
    "conf": "bide.standard.configuration.conf",
    "deadline_reference": "bide.authoring.deadlines.deadline_reference",
    "get_current_context": "bide.authoring.context.get_current_context",
    "get_parsing_context": "bide.authoring.parsing_context.get_parsing_context",
    "mask_secret": "bide.observe.masking.mask_secret",
    "setup": "bide.authoring.setup_decorators.setup",
    "teardown": "bide.authoring.setup_decorators.teardown",
}

__all__ = (
    "DAG",
    "NEVER_EXPIRE",
    "Asset",
    "AssetAccessControl",
    "AssetAlias",
    "AssetAll",
    "AssetAny",
    "AssetOrTimeSchedule",
    "AssetWatcher",
    "AsyncCallback",
    "BaseAsyncOperator",
    "BaseBranchOperator",
    "BaseDeadlineReference",
    "BaseHook",
    "BaseNotifier",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "BaseXCom",
    "BranchMixIn",
    "ChainRetryPolicy",
    "Connection",
    "Context",
    "CronDataIntervalTimetable",
    "CronTriggerTimetable",
    "DagRunState",
    "DeadlineAlert",
    "DeadlineReference",
    "DeltaDataIntervalTimetable",
    "DeltaTriggerTimetable",
    "EdgeModifier",
    "EventsTimetable",
    "ExceptionRetryPolicy",
    "Label",
    "Metadata",
    "Model",
    "MultipleCronTriggerTimetable",
    "ObjectStoragePath",
    "Param",
    "ParamsDict",
    "PokeReturnValue",
    "ResumableJobMixin",
    "RetryAction",
    "RetryDecision",
    "RetryPolicy",
    "RetryRule",
    "SkipMixin",
    "SyncCallback",
    "TaskGroup",
    "TaskInstance",
    "TaskInstanceState",
    "TriggerRule",
    "Variable",
    "VariableInterval",
    "WeightRule",
    "XComArg",
    "asset",
    "chain",
    "chain_linear",
    "conf",
    "cross_downstream",
    "dag",
    "deadline_reference",
    "get_current_context",
    "get_parsing_context",
    "literal",
    "macros",
    "mask_secret",
    "setup",
    "task",
    "task_group",
    "teardown",
)
