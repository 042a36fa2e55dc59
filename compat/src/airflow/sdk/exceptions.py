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
from bide.model.errors import DuplicateId as TaskAlreadyInTaskGroup
from bide.model.errors import Fenced as TaskAlreadyRunningError
from bide.model.errors import InvalidArgument as ParamValidationError
from bide.model.errors import NotFound as AirflowNotFoundException
from bide.model.errors import NotFound as TaskNotFound
from bide.model.errors import SensorTimeout as AirflowSensorTimeout
from bide.model.errors import TaskFailure as AirflowFailException
from bide.model.errors import TaskSkipped as AirflowSkipException
from bide.model.errors import TaskTimeout as AirflowTaskTimeout
from bide.model.errors import TriggerFailure as TaskDeferralError
from bide.model.errors import XComNotFound as XComNotFound
from bide.model.provider_errors import OptionalFeatureMissing as AirflowOptionalProviderFeatureException
from bide.model.provider_errors import RemovalWarning as RemovedInAirflow4Warning

__all__ = (
    "AirflowConfigException",
    "AirflowDagCycleException",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowOptionalProviderFeatureException",
    "AirflowRescheduleException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "AirflowTimetableInvalid",
    "DownstreamTasksSkipped",
    "DuplicateTaskIdFound",
    "ParamValidationError",
    "RemovedInAirflow4Warning",
    "TaskAlreadyInTaskGroup",
    "TaskAlreadyRunningError",
    "TaskDeferralError",
    "TaskDeferralTimeout",
    "TaskDeferred",
    "TaskNotFound",
    "XComNotFound",
)
