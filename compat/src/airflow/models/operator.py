"""Operators."""

from bide.authoring.operator import BaseOperator as BaseOperator
from bide.authoring.operator import BaseOperator as Operator

__all__ = (
    "BaseOperator",
    "Operator",
)
