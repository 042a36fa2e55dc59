"""Named fault points: places where a test makes the engine die, or lose its processes.

A fault point is one side of a commit in the life of a task::

    claim     scheduled -> queued: the scheduler gives the instance to the executor
    start     queued -> running, the first segment of a try
    defer     running -> deferred
    event     deferred -> scheduled (or to its end): a trigger's event, or a timer, is accepted
    resume    queued -> running, a segment that goes on after a wait
    finish    running -> success, failed, skipped or up for retry

each with ``.before`` (nothing is written yet) and ``.after`` (written and durable, nobody was told yet). The
environment arms at most one fault::

    BIDE_FAULT=POINT:ACTION[:HIT]       as in defer.after:kill, start.before:kill-workers:3

ACTION is ``kill`` (SIGKILL to the engine itself), ``kill-workers`` (to all task runners), ``kill-runners``
(to all trigger runners), ``kill-all`` (to both, the template process and the engine) or ``raise``
(:class:`FaultRaised` at the point). HIT says at which pass through the point it happens, once; the first if
it is left out. The engine calls :func:`arm` when it starts, which refuses what it can't read.

A commit is wrapped with ``async with faults.around("start"):``. Unarmed, that costs two comparisons.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Final, Literal, NamedTuple

from bide.model.errors import BideError, ConfigError

_log = logging.getLogger(__name__)

#: The environment variable that arms a fault.
VARIABLE: Final = "BIDE_FAULT"

Commit = Literal["claim", "start", "defer", "event", "resume", "finish"]
Target = Literal["workers", "runners", "template"]

COMMITS: Final[tuple[Commit, ...]] = ("claim", "start", "defer", "event", "resume", "finish")
POINTS: Final = frozenset(f"{commit}.{side}" for commit in COMMITS for side in ("before", "after"))

#: Which processes an action kills, apart from the engine itself.
_VICTIMS: Final[dict[str, tuple[Target, ...]]] = {
    "kill": (),
    "kill-workers": ("workers",),
    "kill-runners": ("runners",),
    "kill-all": ("workers", "runners", "template"),
    "raise": (),
}
_FATAL: Final = frozenset({"kill", "kill-all"})


class FaultRaised(BideError):
    """What the action ``raise`` raises."""


class Fault(NamedTuple):
    """What happens where, at which pass."""

    point: str
    action: str
    #: 1 is the first pass.
    hit: int


class _Armed:
    """The fault of this process, and how often its point was passed."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.passes = 0
        self.targets: dict[Target, Callable[[], Iterable[int]]] = {}


_armed = _Armed()


def parse(text: str) -> Fault:
    """Read ``POINT:ACTION[:HIT]``; :class:`ConfigError` names the part that is wrong and what it may be."""
    parts = text.split(":")
    if not 2 <= len(parts) <= 3:
        raise ConfigError(f"{VARIABLE}={text!r}: write POINT:ACTION or POINT:ACTION:HIT, as in start.before:kill:2")
    point, action, hit = parts[0], parts[1], parts[2] if len(parts) == 3 else "1"
    if point not in POINTS:
        raise ConfigError(
            f"{VARIABLE}={text!r}: there is no fault point {point!r}, only {', '.join(sorted(POINTS))}"
        )
    if action not in _VICTIMS:
        raise ConfigError(f"{VARIABLE}={text!r}: there is no action {action!r}, only {', '.join(_VICTIMS)}")
    if not (hit.isascii() and hit.isdigit() and int(hit) > 0):
        raise ConfigError(f"{VARIABLE}={text!r}: the hit must be a whole number from 1 on, not {hit!r}")
    return Fault(point, action, int(hit))


def arm(environ: Mapping[str, str]) -> Fault | None:
    """Arm the fault that `environ` names, or none; :class:`ConfigError` if it can't be read."""
    text = environ.get(VARIABLE, "")
    _armed.fault = parse(text) if text else None
    _armed.passes = 0
    return _armed.fault


def aim(target: Target, pids: Callable[[], Iterable[int]]) -> None:
    """Say how to find the processes that an action may kill; asked at the moment of the fault."""
    _armed.targets[target] = pids


def reach(point: str) -> None:
    """Pass the fault point `point`, such as ``"start.before"``."""
    fault = _armed.fault
    if fault is None or fault.point != point:
        return
    _armed.passes += 1
    if _armed.passes == fault.hit:
        _happen(fault)


def _happen(fault: Fault) -> None:
    if fault.action == "raise":
        raise FaultRaised(f"fault at {fault.point}, pass {fault.hit}")
    victims = [pid for target in _VICTIMS[fault.action] for pid in _armed.targets.get(target, tuple)()]
    _log.warning(
        "fault %s happens at pass %d of %s, to processes %s", fault.action, fault.hit, fault.point, victims
    )
    for pid in victims:
        _kill(pid)
    if fault.action in _FATAL:
        os.kill(os.getpid(), signal.SIGKILL)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        # It ended by itself between the question and the blow, which is as good.
        return


class Around:
    """Both sides of one commit; ``.after`` is not reached when the commit fails."""

    __slots__ = ("_after", "_before")

    def __init__(self, commit: Commit) -> None:
        self._before = f"{commit}.before"
        self._after = f"{commit}.after"

    async def __aenter__(self) -> None:
        if _armed.fault is not None:
            reach(self._before)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _armed.fault is not None and error is None:
            reach(self._after)


_AROUND: Final[dict[str, Around]] = {commit: Around(commit) for commit in COMMITS}


def around(commit: Commit) -> Around:
    """Wrap the commit of this name."""
    return _AROUND[commit]
