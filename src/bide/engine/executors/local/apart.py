"""Which async tasks do not share a process."""

from __future__ import annotations

from dataclasses import dataclass, field

from bide.control.claims import Claim


@dataclass(slots=True)
class Apart:
    """Who gets a process of its own: what has blocked a shared loop, and what was in a shared process that died."""

    #: (DAG, task, version of the DAG).
    tasks: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    instances: set[str] = field(default_factory=set[str])

    def has(self, claim: Claim) -> bool:
        """Whether `claim` is for a process of its own."""
        names = claim.instance
        return names.id in self.instances or (names.dag_id, names.task_id, claim.dag_hash) in self.tasks
