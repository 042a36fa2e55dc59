"""Retry policies."""

from bide.authoring.retry_policy import ChainRetryPolicy as ChainRetryPolicy
from bide.authoring.retry_policy import ExceptionRetryPolicy as ExceptionRetryPolicy
from bide.authoring.retry_policy import RetryAction as RetryAction
from bide.authoring.retry_policy import RetryDecision as RetryDecision
from bide.authoring.retry_policy import RetryPolicy as RetryPolicy
from bide.authoring.retry_policy import RetryRule as RetryRule
