"""Calling functions with what they take of the context."""

from bide.authoring.callable_runner import CallableRunner as ExecutionCallableRunner
from bide.authoring.keyword_arguments import KeywordParameters as KeywordParameters
from bide.authoring.keyword_arguments import determine_kwargs as determine_kwargs
from bide.authoring.keyword_arguments import make_kwargs_callable as make_kwargs_callable
from bide.standard.context_variables import AIRFLOW_VAR_NAME_FORMAT_MAPPING as AIRFLOW_VAR_NAME_FORMAT_MAPPING
from bide.standard.context_variables import context_to_airflow_vars as context_to_airflow_vars

__all__ = (
    "AIRFLOW_VAR_NAME_FORMAT_MAPPING",
    "ExecutionCallableRunner",
    "KeywordParameters",
    "context_to_airflow_vars",
    "determine_kwargs",
    "make_kwargs_callable",
)
