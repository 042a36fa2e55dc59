"""Tasks."""

from bide.authoring.operator import BaseOperator as AbstractOperator

__all__ = ("AbstractOperator",)
