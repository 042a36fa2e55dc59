"""Stand-ins for arguments: one that was not given, and one that is only known when the task runs."""

from __future__ import annotations

from typing import Any, Final


class ArgNotSet:
    """The type of :data:`NOTSET`."""

    def __repr__(self) -> str:
        return "NOTSET"


class SetDuringExecution(ArgNotSet):
    """The type of :data:`SET_DURING_EXECUTION`."""

    def __repr__(self) -> str:
        return "SET_DURING_EXECUTION"


#: The default of an argument for which None means something.
NOTSET: Final = ArgNotSet()
#: The value, until the task runs, of a field that its code fills.
SET_DURING_EXECUTION: Final = SetDuringExecution()


def is_arg_set(value: Any) -> bool:
    """Whether an argument was given: whether it is anything but :data:`NOTSET`."""
    return not isinstance(value, ArgNotSet)
