"""Results of tasks as arguments of others."""

from bide.authoring.xcom_arg import XComArg as XComArg
