"""A limit in time for a part of a task."""

import signal
import threading
import time

import pytest

from bide.model.errors import TaskTimeout
from bide.standard.time_limit import timeout


def test_what_takes_too_long_is_stopped():
    # select() is what a signal interrupts; nothing arrives on an event that nobody sets.
    with pytest.raises(TaskTimeout, match=r"too slow: 0\.05 s are over"), timeout(0.05, "too slow"):
        signal.pause()


def test_the_limit_around_it_holds_on():
    ends = []
    before = signal.signal(signal.SIGALRM, lambda *_: ends.append(time.monotonic()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with timeout(10):
            pass
        signal.pause()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(ends) == 1


def test_a_thread_is_told_that_nothing_is_limited(caplog):
    def work():
        with timeout(0.01):
            pass

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "this is not the main thread" in caplog.text
