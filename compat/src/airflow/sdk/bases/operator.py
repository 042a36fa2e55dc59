"""Operators."""

from bide.authoring.async_operator import BaseAsyncOperator as BaseAsyncOperator
from bide.authoring.dependencies import chain as chain
from bide.authoring.dependencies import chain_linear as chain_linear
from bide.authoring.dependencies import cross_downstream as cross_downstream
from bide.authoring.operator import BaseOperator as BaseOperator
from bide.model.failed_waits import TriggerFailureReason as TriggerFailureReason
