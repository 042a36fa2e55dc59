"""What a task writes down for its later tries: ``context["task_state_store"]``, as Airflow names it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bide.authoring.runtime import current_runtime
from bide.model.errors import InvalidArgument

#: Characters of a key.
_LONGEST_KEY = 512


class TaskStateStore:
    """Values by key of one task instance. They are encrypted, outlive its tries, and go with the instance.

    Only the running task itself reads and writes them. Clearing the task keeps them.
    """

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        return current_runtime().get_task_state("user", _checked(key), default)

    def set(self, key: str, value: Any, *, retention: timedelta | None = None) -> None:
        """Store `value`, which may be anything that an XCom may be; durable on return.

        `retention` is accepted and not needed: the value goes with its instance.
        """
        current_runtime().set_task_state("user", _checked(key), value)

    def delete(self, key: str) -> None:
        """Forget `key`, if it is there."""
        current_runtime().delete_task_state("user", _checked(key))

    def clear(self) -> None:
        """Forget all keys."""
        current_runtime().delete_task_state("user", None)


def _checked(key: object) -> str:
    if isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY:
        return key
    raise InvalidArgument(f"the key of a task's state is a string of 1 to {_LONGEST_KEY} characters, not {key!r}")
