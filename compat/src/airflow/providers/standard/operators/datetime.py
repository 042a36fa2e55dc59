"""Branches by time."""

from bide.standard.operators.branch_by_time import BranchDateTimeOperator as BranchDateTimeOperator
