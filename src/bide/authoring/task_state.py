"""What a task writes down for its later tries: ``context["task_state_store"]``, as Airflow names it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from bide.authoring.runtime import current_runtime
from bide.model.errors import InvalidArgument

#: Characters of a key.
_LONGEST_KEY = 512
#: For `retention`: as long as the task instance is there, as any other.
NEVER_EXPIRE: Final = timedelta.max


class TaskStateStore:
    """Values by key of one task instance. They are encrypted, outlive its tries, and go with the instance.

    Only the running task itself reads and writes them. Clearing the task keeps them.
    """

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        return current_runtime().get_task_state("user", checked_key(key), default)

    def set(self, key: str, value: Any, *, retention: timedelta | None = None) -> None:
        """Store `value`, which may be anything that an XCom may be; durable on return.

        `retention` is accepted and not needed: the value goes with its instance.
        """
        current_runtime().set_task_state("user", checked_key(key), value)

    def delete(self, key: str) -> None:
        """Forget `key`, if it is there."""
        current_runtime().delete_task_state("user", checked_key(key))

    def clear(self) -> None:
        """Forget all keys."""
        current_runtime().delete_task_state("user", None)

    async def aget(self, key: str, default: Any = None) -> Any:
        """As :meth:`get`, without holding up the loop."""
        return await asyncio.to_thread(self.get, key, default)

    async def aset(self, key: str, value: Any, *, retention: timedelta | None = None) -> None:
        """As :meth:`set`, without holding up the loop."""
        await asyncio.to_thread(self.set, key, value, retention=retention)

    async def adelete(self, key: str) -> None:
        """As :meth:`delete`, without holding up the loop."""
        await asyncio.to_thread(self.delete, key)

    async def aclear(self) -> None:
        """As :meth:`clear`, without holding up the loop."""
        await asyncio.to_thread(self.clear)


def checked_key(key: object) -> str:
    """`key`, which an author has given, if it is one."""
    if isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY:
        return key
    raise InvalidArgument(f"the key of a state is a string of 1 to {_LONGEST_KEY} characters, not {key!r}")
