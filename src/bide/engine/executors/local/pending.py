"""Claims that wait for a worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bide.control.claims import Claim

#: Claims that go on after a wait, taken in a row before one of a new task has its turn.
_RESUMES_IN_A_ROW: Final = 3


class Pending(NamedTuple):
    """A claim and since when it waits (:meth:`Clock.monotonic`)."""

    claim: Claim
    since: float


@dataclass(slots=True)
class _Queue:
    """Claims of one DAG file, each kind in the order of its coming. A file without claims has none."""

    resumes: deque[Pending] = field(default_factory=deque[Pending])
    fresh: deque[Pending] = field(default_factory=deque[Pending])
    #: Resumes taken since the last new task.
    in_a_row: int = 0

    def __len__(self) -> int:
        return len(self.resumes) + len(self.fresh)

    def __iter__(self) -> Iterator[Pending]:
        yield from self.resumes
        yield from self.fresh

    def of(self, item: Pending) -> deque[Pending]:
        """Where `item` belongs."""
        return self.resumes if item.claim.is_resume else self.fresh

    @property
    def oldest(self) -> float:
        return min(kind[0].since for kind in (self.resumes, self.fresh) if kind)

    def take(self) -> Pending:
        """Who goes on after a wait comes first: it has waited already, and much of its work is done."""
        fresh_turn = self.in_a_row >= _RESUMES_IN_A_ROW and self.fresh
        if self.resumes and not fresh_turn:
            self.in_a_row += 1
            return self.resumes.popleft()
        self.in_a_row = 0
        return self.fresh.popleft()


class PendingClaims:
    """Claims by DAG file: resumes first, but new tasks keep a quarter of the turns.

    An instance that was cleared may come again while its last process still winds up: its claim is put aside until
    that is over (:meth:`admit`). One that comes again before it was begun replaces its earlier claim.
    """

    def __init__(self) -> None:
        self._files: dict[str, _Queue] = {}
        self._count = 0
        #: Instances with a claim in `_files`.
        self._ids: set[str] = set()
        #: Claims put aside, by instance id.
        self._aside: dict[str, Claim] = {}

    def __len__(self) -> int:
        return self._count + len(self._aside)

    def add(self, claims: Iterable[Claim], now: float, busy: Container[str] = ()) -> None:
        """Put `claims` behind those of their kind that wait; those of `busy` instances are put aside."""
        for claim in claims:
            if claim.instance.id in busy:
                self._aside[claim.instance.id] = claim
                continue
            self.discard(claim.instance.id)
            self._append(claim, now)

    def admit(self, instance_id: str, now: float) -> bool:
        """The instance is busy no longer: its claim waits like the others. False if it has none."""
        claim = self._aside.pop(instance_id, None)
        if claim is None:
            return False
        self.discard(instance_id)
        self._append(claim, now)
        return True

    def _append(self, claim: Claim, now: float) -> None:
        item = Pending(claim, now)
        self._queue(item).of(item).append(item)
        self._ids.add(claim.instance.id)
        self._count += 1

    def put_back(self, items: Iterable[Pending]) -> None:
        """Put what was taken in front again; `items` are in the order in which they were taken."""
        for item in reversed(list(items)):
            if item.claim.instance.id in self._ids:
                continue  # it has come again meanwhile
            self._queue(item).of(item).appendleft(item)
            self._ids.add(item.claim.instance.id)
            self._count += 1

    def files(self) -> list[str]:
        """Files with claims, that of the oldest claim first."""
        return sorted(self._files, key=self.oldest)

    def has(self, file: str) -> bool:
        """Whether a claim of `file` waits."""
        return file in self._files

    def count(self, file: str) -> int:
        """How many claims of `file` wait."""
        return len(self._files.get(file, ()))

    def oldest(self, file: str) -> float:
        """Since when the oldest claim of `file` waits; there is one."""
        return self._files[file].oldest

    def take(self, file: str) -> Pending:
        """Take out the claim of `file` whose turn it is; there is one."""
        waiting = self._files[file]
        item = waiting.take()
        self._taken(file, item)
        return item

    def discard(self, instance_id: str) -> bool:
        """Forget the claim of an instance; False if there is none."""
        if self._aside.pop(instance_id, None) is not None:
            return True
        if instance_id not in self._ids:
            return False
        for file, waiting in self._files.items():
            for item in waiting:
                if item.claim.instance.id == instance_id:
                    waiting.of(item).remove(item)
                    self._taken(file, item)
                    return True
        return False

    def take_all(self) -> list[Claim]:
        """Take out every claim."""
        claims = [item.claim for waiting in self._files.values() for item in waiting] + list(self._aside.values())
        self._files.clear()
        self._ids.clear()
        self._aside.clear()
        self._count = 0
        return claims

    def _queue(self, item: Pending) -> _Queue:
        found = self._files.get(item.claim.dag_file)
        if found is None:
            found = self._files[item.claim.dag_file] = _Queue()
        return found

    def _taken(self, file: str, item: Pending) -> None:
        self._count -= 1
        self._ids.discard(item.claim.instance.id)
        if not self._files[file]:
            del self._files[file]
