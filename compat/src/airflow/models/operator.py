"""Operators."""

from bide.authoring.operator import BaseOperator as BaseOperator
