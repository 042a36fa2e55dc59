"""Choosing how a run goes on by a Python function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bide.authoring.python import PythonOperator
from bide.authoring.skipping import BranchMixin, SkipMixin

if TYPE_CHECKING:
    from bide.authoring.context import Context


class BranchPythonOperator(PythonOperator, BranchMixin):
    """Follows the tasks, or groups, whose ids the function returns; all others directly downstream are skipped.

    What comes after a followed task is not skipped, even if it is directly downstream of this one too. None, or an
    empty list, skips all.
    """

    def execute(self, context: Context) -> Any:
        return self.do_branch(context, super().execute(context))


class ShortCircuitOperator(PythonOperator, SkipMixin):
    """Goes on only if the function returns something true.

    Otherwise all tasks downstream are skipped, however far; with ``ignore_downstream_trigger_rules=False`` only
    those directly downstream are, and the others go by their trigger rules. Teardowns run all the same.
    """

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        ignore_downstream_trigger_rules: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, **kwargs)
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules

    def execute(self, context: Context) -> Any:
        condition = super().execute(context)
        if condition:
            self.log.info("Going on")
            return condition
        relatives = self.get_flat_relatives if self.ignore_downstream_trigger_rules else self.get_direct_relatives
        self.skip(context["ti"], [task for task in relatives(upstream=False) if not task.is_teardown])
        self.log.info("Stopping here; skipping %s", ", ".join(sorted(self.skipped_downstream)) or "nothing")
        return condition
