"""K12: what a trigger runner has in memory and has open follows what it holds, not what it has held."""

from __future__ import annotations

import os
from pathlib import Path

from bide.wire.messages import DropTriggers, TriggerDropped, TriggerEnded
from tests.unit.runner.trigger_harness import Triggers

#: Waits at a time.
BATCH = 500
#: Bytes by which ten thousand waits may let the process grow: 200 each, less than keeping any trigger would cost.
MOST = 2 * 2**20


def descriptors(triggers: Triggers) -> int:
    return len(list(Path(f"/proc/{triggers.runner.pid}/fd").iterdir()))


def resident(triggers: Triggers) -> int:
    """Bytes in memory but for those of mapped files."""
    pages, shared = Path(f"/proc/{triggers.runner.pid}/statm").read_text().split()[1:3]
    return (int(pages) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def churn(triggers: Triggers, waits: int) -> None:
    """So many streams and polls, from their arming to their end; each writes to a log, a tenth of them fails."""
    names = ["Fires", "Fires", "PlainPoll", "Fires", "Fires", "Fires", "Fires", "Fires", "Fires", "Raises"]
    log = triggers.project.logs / "churn.log"
    for _ in range(waits // BATCH):
        loads = [triggers.load(names[n % 10], interval=1.0, log_path=log) for n in range(BATCH)]
        triggers.arm(*loads)
        ended = {triggers.get(TriggerEnded).wait_id for _ in loads}
        assert ended == {load.wait_id for load in loads}
    assert triggers.settle() == 0


def test_k12_ten_thousand_waits_leave_nothing_behind(triggers: Triggers) -> None:
    """K12: neither memory nor descriptors."""
    churn(triggers, 3000)
    open_before, bytes_before = descriptors(triggers), resident(triggers)
    churn(triggers, 10_000)
    assert descriptors(triggers) <= open_before
    grown = resident(triggers) - bytes_before
    assert grown < MOST, f"grown by {grown / 2**20:.1f} MiB"


def test_k12_a_trigger_that_waits_has_no_file_open(triggers: Triggers) -> None:
    """K12: a thousand of them, each with a log of its own, cost no descriptor, nor when they are dropped."""
    churn(triggers, BATCH)
    before = descriptors(triggers)
    loads = [triggers.load(name) for name in ("Waits", "QuietPoll") for _ in range(500)]
    triggers.arm(*loads)
    triggers.until_noted("waits", 500)
    assert triggers.settle() == 1000
    assert descriptors(triggers) <= before
    triggers.runner.send(DropTriggers(tuple(load.wait_id for load in loads)))
    dropped = {triggers.get(TriggerDropped).wait_id for _ in loads}
    assert len(dropped) == 1000
    assert triggers.settle() == 0
    assert descriptors(triggers) <= before
