"""Stand-ins in the arguments of tasks."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bide.authoring.context import Context


class Resolvable:
    """A stand-in in an operator's arguments that becomes a value when the task runs."""

    @abstractmethod
    def resolve(self, context: Context) -> Any:
        """The value, in the run of `context`."""


class Literal(Resolvable):
    """A value in which no templates are filled: ``bash_command=literal("echo {{ this stays }}")``."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def resolve(self, context: Context) -> Any:
        """The value as it was given."""
        return self.value
