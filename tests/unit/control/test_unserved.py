"""Why nobody looks after a wait: the reason, and what to do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bide.control.wait_statistics import why_unserved
from bide.store.views import WaitView
from bide.wire.statistics import TriggererStatistics
from tests.support.clock import START

NOW = START + timedelta(minutes=1)
ALL = TriggererStatistics("triggerer 1 on here", holding=3)


def wait(**fields: object) -> WaitView:
    known = dict.fromkeys(WaitView._fields)
    known |= {"uid": "w", "kind": "poll", "classpath": "mine.Poll", "armed_at": START, "queue": "default"}
    return WaitView(**{**known, "run_uid": "r", **fields})  # type: ignore[arg-type]


def why(one: WaitView, *triggerers: TriggererStatistics, lost: tuple[str, ...] = ()) -> str:
    return why_unserved(one, triggerers, lost, NOW) or ""


@pytest.mark.parametrize("kind", ["poll", "stream", "start"])
def test_k27_without_a_triggerer_nothing_is_served(kind: str) -> None:
    """K27, K30: nor what a triggerer has had that is gone."""
    assert "no triggerer is alive" in why(wait(kind=kind))
    assert "no triggerer is alive" in why(wait(kind=kind, session="gone"))
    assert "no triggerer is alive" in why(wait(kind=kind), TriggererStatistics("run 1", only_run="another"))
    assert why(wait(kind=kind, session="s"), TriggererStatistics("run 1", only_run="r")) == ""


@pytest.mark.parametrize("kind", ["timer", "signal", "any", "all", "n_of"])
def test_rows_need_nobody(kind: str) -> None:
    assert why(wait(kind=kind)) == ""


def test_what_is_held_is_served() -> None:
    assert why(wait(session="s"), ALL) == ""
    assert "not taken yet" in why(wait(session="s"), ALL, lost=("s",))


def test_k27_a_queue_that_nobody_serves_is_told() -> None:
    """K27."""
    others = TriggererStatistics("triggerer 2", queues=["gpu", "eu"])
    assert "no triggerer serves queue 'default'" in why(wait(), others)
    assert "--queues default" in why(wait(), others)
    assert why(wait(queue="eu", session="s"), others) == ""
    assert "not taken yet by triggerer 2" in why(wait(queue="eu"), others)


def test_k30_full_triggerers_are_told() -> None:
    """K30: only if all that may take it are full."""
    full = TriggererStatistics("triggerer 2", holding=5, capacity=5)
    assert "triggerer 2 holds 5 of 5" in why(wait(), full)
    assert "raise --capacity" in why(wait(), full)
    assert "full" not in why(wait(), full, ALL)
    assert "full" not in why(wait(), TriggererStatistics("distant", capacity=None))


def test_k05_a_class_in_quarantine_is_told() -> None:
    """K05."""
    assert "in quarantine" in why(wait(), TriggererStatistics("t", holding=0, quarantined=["mine.Poll"]))


def test_what_was_armed_just_now_is_about_to_be_taken() -> None:
    assert why(wait(armed_at=NOW - timedelta(seconds=1)), ALL) == ""
    assert "not taken yet by triggerer 1 on here" in why(wait(), ALL)
