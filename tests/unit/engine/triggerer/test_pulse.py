"""Signs of life of a runner's loop."""

from __future__ import annotations

import pytest

from bide.engine.triggerer.pulse import Pulse


def test_only_one_ping_is_outstanding():
    pulse = Pulse()
    assert pulse.ping(10.0) == 1
    assert pulse.ping(11.0) is None
    pulse.pong(1, 11.5)
    assert pulse.ping(12.0) == 2


def test_unanswered_counts_from_the_ping():
    pulse = Pulse()
    assert pulse.unanswered(5.0) == 0.0
    pulse.ping(10.0)
    assert pulse.unanswered(14.0) == 4.0
    pulse.pong(1, 14.0)
    assert pulse.unanswered(20.0) == 0.0


def test_a_loop_that_sends_other_frames_is_not_given_up():
    pulse = Pulse()
    pulse.ping(10.0)
    pulse.frame(19.0)
    assert pulse.unanswered(19.5) == 0.5
    assert pulse.ping(19.5) is None


def test_an_answer_tells_how_long_the_loop_stood_still():
    pulse = Pulse()
    pulse.ping(10.0)
    assert pulse.pong(1, 12.5) == 2.5


def test_frames_before_the_answer_are_signs_of_life():
    pulse = Pulse()
    pulse.ping(10.0)
    for tenth in range(101, 125):
        pulse.frame(tenth / 10)
    assert pulse.pong(1, 12.5) == pytest.approx(0.1)


def test_a_frame_at_the_end_of_a_block_does_not_hide_it():
    pulse = Pulse()
    pulse.frame(9.9)
    pulse.ping(10.0)
    pulse.frame(12.0)
    assert pulse.pong(1, 12.0) == 2.0
    pulse.ping(20.0)
    assert pulse.pong(2, 20.1) == pytest.approx(0.1)


def test_an_answer_to_another_ping_is_none():
    pulse = Pulse()
    pulse.ping(10.0)
    assert pulse.pong(7, 11.0) == 0.0
    assert pulse.unanswered(12.0) == 2.0


def test_time_in_which_the_engine_slept_is_excused():
    pulse = Pulse()
    pulse.ping(10.0)
    pulse.excuse(3600.0)
    assert pulse.unanswered(3611.0) == 1.0
    assert pulse.pong(1, 3611.0) == 1.0


def test_blocks_are_counted():
    pulse = Pulse()
    pulse.note_block(0.3, 10.0)
    pulse.note_block(2.0, 20.0)
    pulse.note_block(0.5, 30.0)
    assert (pulse.blocks, pulse.longest_block, pulse.blocked_at) == (3, 2.0, 30.0)
