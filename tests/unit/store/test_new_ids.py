"""Row ids are UUIDv7 and grow in the order in which they are made."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from bide.store.ids import new_id

#: Later than any moment that other tests of this process use.
NOW = datetime(2300, 1, 1, tzinfo=UTC)


def test_ids_of_one_moment_grow() -> None:
    made = [new_id(NOW) for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == 5000
    assert {uuid.UUID(one).version for one in made} == {7}


def test_a_clock_that_goes_back_does_not_make_them_smaller() -> None:
    before = new_id(NOW + timedelta(days=1))
    assert new_id(NOW) > before


def test_they_carry_their_moment() -> None:
    later = NOW + timedelta(days=2)
    assert uuid.UUID(new_id(later)).int >> 80 == int(later.timestamp() * 1000)
