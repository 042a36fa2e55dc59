"""A task that does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bide.authoring.operator import BaseOperator

if TYPE_CHECKING:
    from bide.authoring.context import Context


class EmptyOperator(BaseOperator):
    """Does nothing; groups other tasks in an order."""

    ui_color = "#e8f7e4"
    inherits_from_empty_operator = True

    def execute(self, context: Context) -> Any:
        return None
