"""Which groups of waits, those that share their looks or their messages, one runner holds."""

from __future__ import annotations

from collections import Counter


class SharedLooks:
    """Counts the members of each group by the waits that come and go."""

    def __init__(self) -> None:
        self._group_of: dict[str, str] = {}
        self._sizes: Counter[str] = Counter()

    def __contains__(self, group_key: str) -> bool:
        return group_key in self._sizes

    def add(self, wait_id: str, group_key: str | None) -> None:
        """This wait is held; None for one that shares with nobody."""
        if group_key is not None and wait_id not in self._group_of:
            self._group_of[wait_id] = group_key
            self._sizes[group_key] += 1

    def remove(self, wait_id: str) -> None:
        """This wait is held no more."""
        group_key = self._group_of.pop(wait_id, None)
        if group_key is not None:
            self._sizes[group_key] -= 1
            if self._sizes[group_key] == 0:
                del self._sizes[group_key]
