"""Mapped tasks."""

from bide.authoring.mapping import MappedOperator as MappedOperator
from bide.authoring.mapping import OperatorPartial as OperatorPartial
