"""What the triggerer can be told."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final

#: A runner is lost when it has not answered for so many heartbeats (Airflow's rule for triggerers).
LOST_AFTER_HEARTBEATS: Final = 2.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggererSettings:
    """Sizes, and times in seconds. Only the first three are a user's business."""

    #: Triggers held at once; None starts with `first_capacity` and doubles while the runners' loops keep up.
    capacity: int | None = None
    #: Runner processes at most, apart from those that isolate suspects.
    max_runners: int = field(default_factory=lambda: os.cpu_count() or 1)
    heartbeat: float = 2.0

    first_capacity: int = 1000
    #: Waits claimed in one transaction.
    claim_batch: int = 500
    #: Triggers in one message, so that a runner's loop turns between two messages.
    arm_batch: int = 100
    #: A further runner is started once each one holds so many.
    spread_at: int = 2000
    #: Between two looks at the store that nobody asked for.
    safety_poll: float = 5.0
    #: Between two pings of a runner that holds triggers.
    ping_interval: float = 0.2
    #: A loop that does not turn for so long is reported.
    blocked_after: float = 0.2
    #: A loop that has not turned for so long, while it is known whose code holds it up, is given up; that trigger's
    #: class goes to quarantine.
    quarantine_after: float = 2.0
    #: So does a class that has blocked loops several times within ten minutes, for so long in all.
    quarantine_total: float = 5.0
    #: Between two reports about one runner.
    report_interval: float = 10.0
    #: A runner that holds nothing is stopped after so long.
    idle_stop: float = 60.0
    #: How long a trigger that is alone in its process, after it cost others theirs, may block its loop.
    alone_patience: float = 300.0
    #: Processes for triggers that are suspected of killing their runner.
    max_isolated: int = 16
    #: Processes that keep triggers made of code that has changed since; those of the oldest move if there are more.
    max_draining: int = 2
    #: One call of ``on_kill()``.
    on_kill_timeout: float = 60.0
    #: Cancels under way at once.
    max_cancels: int = 64
    #: A runner that was killed must be gone after so long.
    death_timeout: float = 5.0
    #: A live answer about next looks.
    answer_timeout: float = 1.0

    @property
    def lost_after(self) -> float:
        """Seconds without an answer after which a runner is given up."""
        return LOST_AFTER_HEARTBEATS * self.heartbeat
