"""Tries, told from the states that were entered."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import pytest
from tests.support.clock import START

from bide.model.tries import tries_of


class Entered(NamedTuple):
    state: str
    at: object
    by: str
    error: str = ""


def events(text: str) -> list[Entered]:
    """``state state ...``, one a second; a state after ``@HOST`` is entered by a worker there."""
    found: list[Entered] = []
    by = "scheduler"
    for word in text.split():
        if word.startswith("@"):
            by = f"worker on {word[1:]}"
            continue
        found.append(Entered(word, START + timedelta(seconds=len(found)), by))
        by = "scheduler"
    return found


def told(text: str) -> list[tuple[int, str, int | None, int | None, str | None]]:
    def second(moment: object) -> int | None:
        return None if moment is None else int((moment - START).total_seconds())  # type: ignore[operator]

    return [
        (one.number, str(one.state), second(one.start), second(one.end), one.host)
        for one in tries_of(events(text))  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ("", []),
        ("skipped", []),
        ("upstream_failed none scheduled", [(1, "scheduled", None, None, None)]),
        ("scheduled queued @a running success", [(1, "success", 2, 3, "a")]),
        (
            "scheduled queued @a running up_for_retry scheduled queued @b running failed",
            [(1, "up_for_retry", 2, 3, "a"), (2, "failed", 6, 7, "b")],
        ),
        # A wait, a rescue and a sensor's pause belong to the try; the last host counts.
        ("scheduled queued @a running deferred scheduled queued @b running success", [(1, "success", 2, 7, "b")]),
        ("scheduled queued @a running scheduled queued @b running success", [(1, "success", 2, 6, "b")]),
        ("scheduled queued @a running up_for_reschedule", [(1, "up_for_reschedule", 2, None, "a")]),
        ("deferred success", [(1, "success", 0, 1, None)]),
        # Cleared while it ran, and after it had ended.
        (
            "scheduled queued @a running none scheduled",
            [(1, "running", 2, 3, "a"), (2, "scheduled", None, None, None)],
        ),
        (
            "scheduled queued @a running failed none scheduled queued @a running success",
            [(1, "failed", 2, 3, "a"), (2, "success", 7, 8, "a")],
        ),
        # Marked after the end: the end itself stays where it was.
        ("scheduled queued @a running failed success", [(1, "success", 2, 3, "a")]),
        ("scheduled success", [(1, "success", None, 1, None)]),
    ],
)
def test_tries(history: str, expected: list[tuple[int, str, int | None, int | None, str | None]]) -> None:
    assert told(history) == expected


def test_each_try_has_its_own_error() -> None:
    history = events("scheduled queued running up_for_retry scheduled queued running failed none scheduled success")
    errors = {3: "ValueError: first", 7: "ValueError: second"}
    found = tries_of([one._replace(error=errors.get(place, "")) for place, one in enumerate(history)])  # type: ignore[misc]
    assert [(one.number, one.error) for one in found] == [
        (1, "ValueError: first"),
        (2, "ValueError: second"),
        (3, ""),
    ]
