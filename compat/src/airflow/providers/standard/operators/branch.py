"""Branches."""

from bide.authoring.branch import BaseBranchOperator as BaseBranchOperator
from bide.authoring.skipping import BranchMixIn as BranchMixIn
