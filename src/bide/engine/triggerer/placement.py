"""Which process a trigger goes to, and how patient the engine is with each."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from bide.engine.triggerer.quarantine import is_quarantine
from bide.engine.triggerer.runner import RunnerProcess
from bide.engine.triggerer.settings import TriggererSettings
from bide.engine.triggerer.suspicion import NO_GROUP, Suspicion

#: The group of the process that runs cancels, so that an ``on_kill()`` that crashes takes no trigger with it.
CANCELS: Final = -1
#: Seconds that building and starting one trigger may hold up the loop, on a busy machine.
ARMING: Final = 0.001
#: Seconds for which a loop that was blocked gets no further triggers if another one can.
_LAGGING: Final = 10.0


def choose_shared(
    runners: Collection[RunnerProcess], settings: TriggererSettings, now: float
) -> RunnerProcess | None:
    """The runner for triggers under no suspicion: the emptiest. None if it is time for a further one."""
    shared = [runner for runner in runners if runner.group == NO_GROUP and runner.takes_more]
    good = [
        runner for runner in shared if len(runner.armed) < settings.spread_at and not _lags(runner, settings, now)
    ]
    if not good and len(shared) < settings.max_runners:
        return None
    return min(good or shared, key=lambda runner: len(runner.armed))


def keep_up(runners: Collection[RunnerProcess], settings: TriggererSettings) -> bool:
    """Whether every loop has answered in time since it was given its last triggers."""
    return all(
        runner.pulse.answered and runner.unconfirmed == 0 and runner.pulse.last_gap <= settings.blocked_after
        for runner in runners
        if runner.group == NO_GROUP and not runner.stopping
    )


def drain_too_long(runners: Collection[RunnerProcess], settings: TriggererSettings) -> list[RunnerProcess]:
    """The oldest of those with old code, if there are too many: their triggers have to move."""
    draining = [runner for runner in runners if runner.draining and not runner.stopping]
    return draining[: -settings.max_draining]


def holder_of(group_key: str | None, runners: Collection[RunnerProcess]) -> RunnerProcess | None:
    """The runner that holds waits of this group, and so should get the others, too."""
    if group_key is None:
        return None
    for runner in runners:
        if runner.group == NO_GROUP and runner.takes_more and group_key in runner.shared_looks:
            return runner
    return None


def has_room_apart(runners: Collection[RunnerProcess], group: int, settings: TriggererSettings) -> bool:
    """Whether there may be a runner for this group of suspects; for classes in quarantine there always may."""
    isolated = {runner.group for runner in runners if runner.group > NO_GROUP}
    return group < NO_GROUP or group in isolated or len(isolated) < settings.max_isolated


def idle_limit(runner: RunnerProcess, settings: TriggererSettings) -> float:
    """Seconds without work after which it is stopped."""
    return 0.0 if runner.group > NO_GROUP or runner.draining else settings.idle_stop


def patience(runner: RunnerProcess, settings: TriggererSettings, suspicion: Suspicion) -> float:
    """Seconds without an answer after which it is given up."""
    if runner.group == CANCELS:
        return settings.on_kill_timeout
    if is_quarantine(runner.group):
        return settings.alone_patience
    if len(runner.armed) == 1 and suspicion.may_block(next(iter(runner.armed))):
        return settings.alone_patience
    if runner.blocked_by is not None and runner.group == NO_GROUP:
        return min(settings.quarantine_after, settings.lost_after)
    return settings.lost_after + runner.unconfirmed * ARMING


def _lags(runner: RunnerProcess, settings: TriggererSettings, now: float) -> bool:
    pulse = runner.pulse
    return pulse.unanswered(now) > settings.blocked_after or now - pulse.blocked_at < _LAGGING
