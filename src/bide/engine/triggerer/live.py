"""What people are told of triggers that run: where, and when they look next."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from bide.engine.triggerer.runner import RunnerProcess
from bide.wire.messages import Looks
from bide.wire.statistics import LookTimes


def where(wait_ids: Iterable[str], runners: Iterable[RunnerProcess]) -> dict[str, str]:
    """Label of the runner by wait id, for those that one holds."""
    wanted = set(wait_ids)
    return {wait_id: runner.label for runner in runners for wait_id in wanted.intersection(runner.armed)}


async def looks(wait_ids: Collection[str], runners: Iterable[RunnerProcess], limit: float) -> Looks:
    """When polls are looked at next, in Unix seconds, and what is seen, as far as runners answer within `limit`.

    Without any wait all runners tell how their looks went.
    """
    wanted = set(wait_ids)
    held = [(runner, sorted(wanted.intersection(runner.armed))) for runner in runners]
    if wanted:
        held = [(runner, mine) for runner, mine in held if mine]
    found = Looks({})
    times = LookTimes()
    for answer in await asyncio.gather(*(runner.looks(mine, limit) for runner, mine in held)):
        found.next_look.update(answer.next_look)
        found.progress.update(answer.progress)
        times += answer.times
    return Looks(found.next_look, found.progress, times)
