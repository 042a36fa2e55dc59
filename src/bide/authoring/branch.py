"""The base of operators that choose how a run goes on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bide.authoring.operator import BaseOperator
from bide.authoring.skipping import BranchMixin

if TYPE_CHECKING:
    from bide.authoring.context import Context


class BaseBranchOperator(BaseOperator, BranchMixin):
    """Runs :meth:`choose_branch` and skips the tasks directly downstream that it does not name."""

    @abstractmethod
    def choose_branch(self, context: Context) -> str | Iterable[str] | None:
        """The id of the task or group to follow, several of them, or None for none."""

    def execute(self, context: Context) -> Any:
        return self.do_branch(context, self.choose_branch(context))
