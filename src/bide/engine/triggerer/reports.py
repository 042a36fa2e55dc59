"""What the engine's log, and a failed task, say about trigger runners."""

from __future__ import annotations

import logging

from bide.engine.template import RunnerExit
from bide.engine.triggerer.quarantine import TriggerClass
from bide.engine.triggerer.runner import RunnerProcess
from bide.engine.triggerer.suspicion import Verdict

_log = logging.getLogger(__name__)

_ADVICE = "Does one call time.sleep() or make a synchronous request inside a coroutine? A plain poll() may block."


def report_block(runner: RunnerProcess, quiet: float, now: float, interval: float) -> None:
    """A loop has turned again after `quiet` seconds; at most one line in `interval` seconds."""
    if now - runner.reported_at < interval:
        return
    runner.reported_at = now
    _log.warning(
        "a trigger blocked the event loop of %s (process %d, %d triggers) for %.1f s; times so far: %d, "
        "longest %.1f s. %s",
        runner.label,
        runner.pid,
        len(runner.armed),
        quiet,
        runner.pulse.blocks,
        runner.pulse.longest_block,
        _ADVICE,
    )


def report_given_up(runner: RunnerProcess, unanswered: float) -> None:
    """A loop has not turned for too long."""
    _log.error(
        "the event loop of %s (process %d, %d triggers) has not answered for %.1f s; killing it. %s",
        runner.label,
        runner.pid,
        len(runner.armed),
        unanswered,
        _ADVICE,
    )


def report_quarantine(cls: TriggerClass, runner: RunnerProcess, seconds: float) -> None:
    """A class has blocked loops too long, or too often."""
    _log.error(
        "triggers of class %s have blocked the event loop of %s, the last time for %.1f s. From now on they get a "
        "process, and as far as possible a thread each, until their code changes; the others go on without them",
        cls.classpath,
        runner.label,
        seconds,
    )


def report_short(runner: RunnerProcess, holding: int) -> None:
    """A runner has lost triggers without a word."""
    _log.error(
        "%s (process %d) holds %d triggers instead of the %d that it was given; killing it, they go elsewhere",
        runner.label,
        runner.pid,
        holding,
        len(runner.armed),
    )


def report_death(runner: RunnerProcess, how: RunnerExit | None) -> None:
    """A runner is gone."""
    _log.error(
        "%s: the process (%d) %s; its %d triggers are armed again",
        runner.label,
        runner.pid,
        _ending(runner, how),
        len(runner.armed),
    )


def describe_conviction(runner: RunnerProcess, how: RunnerExit | None, verdict: Verdict) -> str:
    """Why a trigger fails that was alone in its process; empty if `verdict` convicts none."""
    for deaths in verdict.convicted.values():
        return (
            f"this trigger's process ended {deaths} times while it was armed, the last time with no other "
            f"trigger in it: the process {_ending(runner, how)}"
        )
    return ""


def _ending(runner: RunnerProcess, how: RunnerExit | None) -> str:
    if runner.blocked_for:
        return f"was killed because its event loop was blocked for {runner.blocked_for:.1f} s"
    return "closed its channel and did not exit" if how is None else str(how)
