"""What the standard operators raise."""

from bide.model.errors import DeferralTimeout as HITLTimeoutError
from bide.model.errors import InvalidArgument as DuplicateStateError
from bide.model.errors import TriggerFailure as HITLTriggerEventError
from bide.standard.external_errors import ExternalDagFailed as ExternalDagFailedError
from bide.standard.external_errors import ExternalDagMissing as ExternalDagNotFoundError
from bide.standard.external_errors import ExternalGroupFailed as ExternalTaskGroupFailedError
from bide.standard.external_errors import ExternalGroupMissing as ExternalTaskGroupNotFoundError
from bide.standard.external_errors import ExternalTaskFailed as ExternalTaskFailedError
from bide.standard.external_errors import ExternalTaskMissing as ExternalTaskNotFoundError
from bide.standard.external_errors import ExternalWaitError as AirflowExternalTaskSensorException
from bide.standard.external_errors import Rejected as HITLRejectException

__all__ = (
    "AirflowExternalTaskSensorException",
    "DuplicateStateError",
    "ExternalDagFailedError",
    "ExternalDagNotFoundError",
    "ExternalTaskFailedError",
    "ExternalTaskGroupFailedError",
    "ExternalTaskGroupNotFoundError",
    "ExternalTaskNotFoundError",
    "HITLRejectException",
    "HITLTimeoutError",
    "HITLTriggerEventError",
)
