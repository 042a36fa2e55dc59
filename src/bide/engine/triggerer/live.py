"""What people are told of triggers that run: where, and when they look next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable

from bide.engine.triggerer.runner import RunnerProcess


def where(wait_ids: Iterable[str], runners: Iterable[RunnerProcess]) -> dict[str, str]:
    """Label of the runner by wait id, for those that one holds."""
    wanted = set(wait_ids)
    return {wait_id: runner.label for runner in runners for wait_id in wanted.intersection(runner.armed)}


async def next_looks(
    wait_ids: Collection[str], runners: Iterable[RunnerProcess], timeout: float
) -> dict[str, float]:
    """When polls are looked at next, in Unix seconds by wait id, as far as runners answer within `timeout` s."""
    wanted = set(wait_ids)
    questions: list[Awaitable[dict[str, float]]] = []
    for runner in runners:
        mine = wanted.intersection(runner.armed)
        if mine:
            questions.append(runner.next_looks(sorted(mine), timeout))
    looks: dict[str, float] = {}
    for answer in await asyncio.gather(*questions):
        looks.update(answer)
    return looks
