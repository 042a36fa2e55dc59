"""Exceptions."""

from bide.authoring.deferral import TaskDeferred as TaskDeferred
from bide.authoring.deferral import TaskRescheduled as AirflowRescheduleException
from bide.authoring.skipping import DownstreamTasksSkipped as DownstreamTasksSkipped
from bide.authoring.timetable import InvalidTimetable as AirflowTimetableInvalid
from bide.model.errors import BideError as AirflowException
from bide.model.errors import ConfigError as AirflowConfigException
from bide.model.errors import CycleError as AirflowDagCycleException
from bide.model.errors import DeferralTimeout as TaskDeferralTimeout
from bide.model.errors import DuplicateId as DuplicateTaskIdFound
from bide.model.errors import NotFound as AirflowNotFoundException
from bide.model.errors import PolicySkipDag as AirflowClusterPolicySkipDag
from bide.model.errors import PolicyViolation as AirflowClusterPolicyViolation
from bide.model.errors import SensorTimeout as AirflowSensorTimeout
from bide.model.errors import TaskFailure as AirflowFailException
from bide.model.errors import TaskSkipped as AirflowSkipException
from bide.model.errors import TaskTimeout as AirflowTaskTimeout
from bide.model.errors import TriggerFailure as TaskDeferralError
from bide.model.errors import XComNotFound as XComNotFound

__all__ = (
    "AirflowClusterPolicySkipDag",
    "AirflowClusterPolicyViolation",
    "AirflowConfigException",
    "AirflowDagCycleException",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowRescheduleException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "AirflowTimetableInvalid",
    "DownstreamTasksSkipped",
    "DuplicateTaskIdFound",
    "TaskDeferralError",
    "TaskDeferralTimeout",
    "TaskDeferred",
    "XComNotFound",
)
