"""Workers that are promised to transactions."""

from __future__ import annotations

import pytest

from bide.engine.executors.local.openings import OpenWorkers
from bide.wire.messages import InstanceKey, RunInfo, RunTask


def order(uid: str, file: str = "a.py") -> RunTask:
    return RunTask(
        instance=InstanceKey(uid, "d", "r", "t", -1),
        epoch=1,
        try_number=1,
        max_tries=0,
        dag_file=file,
        dag_folder="/",
        dag_hash="",
        run=RunInfo("d", "r", "manual", None, None, None, "2026-01-01T00:00:00+00:00", None, b"{}"),
        log_path="/log",
        started_at=0.0,
    )


class Looks:
    """Counts how often the executor was asked to look again."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> None:
        self.number += 1


@pytest.fixture
def looks() -> Looks:
    return Looks()


@pytest.fixture
def workers(looks: Looks) -> OpenWorkers:
    return OpenWorkers(looks)


def test_what_one_has_taken_another_one_does_not_get(workers: OpenWorkers) -> None:
    workers.offer({"a.py": 2, None: 1}, busy=("x",))
    taken, number = workers.take()
    assert (taken.workers, set(taken.busy)) == ({"a.py": 2, None: 1}, {"x"})
    assert workers.take()[0].workers == {}
    workers.settle(taken, number, [])
    assert workers.take()[0].workers == {"a.py": 2, None: 1}


def test_what_is_promised_is_kept_from_others_until_the_task_has_it(workers: OpenWorkers) -> None:
    workers.offer({"a.py": 1, None: 1}, busy=())
    taken, number = workers.take()
    orders = [order("one"), order("two")]
    workers.settle(taken, number, orders)
    assert workers.is_promised
    assert workers.withdraw() == {"a.py": 1, None: 1}
    # Who is promised a worker is about to run: nobody else may begin it.
    assert set(workers.take()[0].busy) == {"one", "two"}
    workers.keep(orders)
    assert workers.withdraw() == {}
    assert not workers.is_promised


def test_while_taken_nothing_counts_as_free(workers: OpenWorkers) -> None:
    workers.offer({"a.py": 3}, busy=())
    workers.take()
    assert workers.is_promised
    assert workers.withdraw() == {"a.py": 3}


def test_what_comes_back_after_a_newer_offer_is_looked_at_again(workers: OpenWorkers, looks: Looks) -> None:
    workers.offer({"a.py": 1}, busy=())
    taken, number = workers.take()
    workers.withdraw()
    workers.offer({"b.py": 1}, busy=())
    workers.settle(taken, number, [])
    assert looks.number == 1
    assert workers.take()[0].workers == {"b.py": 1}


def test_a_promise_that_comes_to_nothing_is_looked_at_again(workers: OpenWorkers, looks: Looks) -> None:
    workers.offer({"a.py": 1}, busy=())
    taken, number = workers.take()
    workers.settle(taken, number, [order("one")])
    workers.break_off([order("one")])
    assert (looks.number, workers.is_promised) == (1, False)


def test_none_of_none_is_offered(workers: OpenWorkers) -> None:
    workers.offer({"a.py": 0, None: 0}, busy=())
    assert not workers.take()[0].workers
