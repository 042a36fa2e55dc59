"""Claims of async tasks that have no place in a process yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from bide.control.claims import Claim


class UnplacedClaims:
    """By DAG file, in the order of their coming; and those put aside while their instance's last process is up."""

    def __init__(self) -> None:
        self._files: dict[str, deque[Claim]] = {}
        self._aside: dict[str, Claim] = {}

    @property
    def aside(self) -> int:
        """How many are put aside."""
        return len(self._aside)

    def add(self, claim: Claim) -> None:
        """Put `claim` behind the others of its file."""
        self._files.setdefault(claim.dag_file, deque()).append(claim)

    def put_aside(self, claim: Claim) -> None:
        """Keep `claim` until :meth:`admit`."""
        self._aside[claim.instance.id] = claim

    def is_aside(self, instance_id: str) -> bool:
        """Whether a claim of the instance is put aside."""
        return instance_id in self._aside

    def admit(self, instance_id: str) -> Sequence[Claim]:
        """The claim that was put aside for the instance, if there is one."""
        claim = self._aside.pop(instance_id, None)
        return () if claim is None else (claim,)

    def counts(self) -> dict[str, int]:
        """How many wait, by file."""
        # Other threads ask, too: the copy is made in one go.
        return {file: len(queue) for file, queue in list(self._files.items())}

    def take(self, file: str) -> Claim:
        """Take out the oldest of `file`; there is one."""
        claim = self._files[file].popleft()
        self._forget_empty(file)
        return claim

    def discard(self, instance_id: str) -> bool:
        """Forget the claim of an instance; False if there is none."""
        if self._aside.pop(instance_id, None) is not None:
            return True
        for file, queue in self._files.items():
            for claim in queue:
                if claim.instance.id == instance_id:
                    queue.remove(claim)
                    self._forget_empty(file)
                    return True
        return False

    def take_all(self) -> list[Claim]:
        """Take out every claim."""
        claims = [claim for queue in self._files.values() for claim in queue] + list(self._aside.values())
        self._files.clear()
        self._aside.clear()
        return claims

    def _forget_empty(self, file: str) -> None:
        if not self._files[file]:
            del self._files[file]
