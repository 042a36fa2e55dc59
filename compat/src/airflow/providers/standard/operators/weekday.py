"""Branches by day."""

from bide.standard.operators.branch_by_time import BranchDayOfWeekOperator as BranchDayOfWeekOperator
