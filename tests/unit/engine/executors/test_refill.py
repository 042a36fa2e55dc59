"""When more claims are asked for."""

from __future__ import annotations

import asyncio

import pytest

from bide.engine.executors.local.refill import Refill

pytestmark = pytest.mark.usefixtures("no_blocking")


class Asked:
    """Counts the questions."""

    def __init__(self) -> None:
        self.number = 0
        self.heard = asyncio.Event()

    def __call__(self) -> None:
        self.number += 1
        self.heard.set()


async def test_with_few_left_at_once_and_once_for_all() -> None:
    asked = Asked()
    refill = Refill(asked, slots=32)
    for _ in range(5):
        refill.slot_is_free(left=8)
    assert asked.number == 0
    for _ in range(2):  # turns of the loop
        await asyncio.sleep(0)
    assert asked.number == 1


async def test_with_many_left_in_a_moment_and_once_for_all() -> None:
    asked = Asked()
    refill = Refill(asked, slots=32)
    for _ in range(5):
        refill.slot_is_free(left=9)
    for _ in range(3):
        await asyncio.sleep(0)
    assert asked.number == 0
    async with asyncio.timeout(10):
        await asked.heard.wait()
    assert asked.number == 1


async def test_few_left_does_not_wait_for_the_moment() -> None:
    asked = Asked()
    refill = Refill(asked, slots=4)
    refill.slot_is_free(left=3)
    refill.slot_is_free(left=0)
    for _ in range(2):
        await asyncio.sleep(0)
    assert asked.number == 1
    refill.close()
