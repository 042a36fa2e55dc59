"""Claims that wait for a worker."""

from __future__ import annotations

from bide.control.claims import Claim
from bide.engine.executors.local.pending import PendingClaims
from bide.wire.messages import InstanceKey


def claim(name: str, file: str = "a.py", *, is_resume: bool = False) -> Claim:
    return Claim(InstanceKey(name, "dag", "run", name), 1, file, "hash", is_resume)


def taken(pending: PendingClaims, count: int) -> list[str]:
    return [pending.take("a.py").claim.instance.id for _ in range(count)]


def test_claims_come_out_in_order_by_file():
    pending = PendingClaims()
    pending.add([claim("1", "b.py"), claim("2", "a.py"), claim("3", "b.py")], 10.0)
    assert len(pending) == 3
    assert pending.count("b.py") == 2
    assert [pending.take("b.py").claim.instance.id for _ in range(2)] == ["1", "3"]
    assert not pending.has("b.py")
    assert len(pending) == 1


def test_files_are_in_the_order_of_their_oldest_claim():
    pending = PendingClaims()
    pending.add([claim("1", "late.py")], 2.0)
    pending.add([claim("2", "early.py")], 1.0)
    pending.add([claim("3", "late.py")], 3.0)
    assert pending.files() == ["early.py", "late.py"]
    assert pending.oldest("late.py") == 2.0


def test_what_is_put_back_comes_first_again():
    pending = PendingClaims()
    pending.add([claim("1"), claim("2"), claim("3")], 1.0)
    taken = [pending.take("a.py"), pending.take("a.py")]
    pending.put_back(taken)
    assert [pending.take("a.py").claim.instance.id for _ in range(3)] == ["1", "2", "3"]


def test_a_claim_can_be_discarded_once():
    pending = PendingClaims()
    pending.add([claim("1"), claim("2")], 1.0)
    assert pending.discard("1")
    assert not pending.discard("1")
    assert not pending.discard("unknown")
    assert pending.take("a.py").claim.instance.id == "2"
    assert pending.files() == []


def test_take_all_empties():
    pending = PendingClaims()
    pending.add([claim("1"), claim("2", "b.py")], 1.0)
    assert {one.instance.id for one in pending.take_all()} == {"1", "2"}
    assert not pending


def test_resumes_come_first_and_new_tasks_have_every_fourth_turn():
    pending = PendingClaims()
    pending.add([claim("n1"), claim("n2"), claim("n3")], 1.0)
    pending.add([claim(f"r{number}", is_resume=True) for number in range(1, 6)], 2.0)
    assert taken(pending, 8) == ["r1", "r2", "r3", "n1", "r4", "r5", "n2", "n3"]
    assert not pending


def test_new_tasks_do_not_wait_for_resumes_that_are_not_there():
    pending = PendingClaims()
    pending.add([claim("n1"), claim("n2")], 1.0)
    assert taken(pending, 1) == ["n1"]
    pending.add([claim("r1", is_resume=True)], 2.0)
    assert taken(pending, 2) == ["r1", "n2"]


def test_the_oldest_claim_counts_whichever_kind_it_is():
    pending = PendingClaims()
    pending.add([claim("n1")], 1.0)
    pending.add([claim("r1", is_resume=True)], 2.0)
    assert pending.oldest("a.py") == 1.0
    pending.discard("n1")
    assert pending.oldest("a.py") == 2.0


def test_a_resume_that_is_put_back_comes_first_again():
    pending = PendingClaims()
    pending.add([claim("r1", is_resume=True), claim("r2", is_resume=True), claim("n1")], 1.0)
    pending.put_back([pending.take("a.py")])
    assert taken(pending, 3) == ["r1", "r2", "n1"]


def test_a_claim_whose_instance_is_busy_is_put_aside_until_it_is_not() -> None:
    pending = PendingClaims()
    pending.add([claim("a"), claim("b")], 0.0, busy={"a"})
    assert len(pending) == 2, "it holds its slot"
    assert taken(pending, 1) == ["b"]
    assert not pending.has("a.py")
    pending.admit("a", 1.0)
    pending.admit("a", 1.0)
    assert taken(pending, 1) == ["a"]
    assert len(pending) == 0


def test_a_claim_that_comes_again_replaces_its_earlier_self() -> None:
    pending = PendingClaims()
    pending.add([claim("a")], 0.0)
    pending.add([claim("a")._replace(epoch=9)], 1.0)
    assert len(pending) == 1
    item = pending.take("a.py")
    assert item.claim.epoch == 9
    pending.add([claim("a")._replace(epoch=11)], 1.0)
    pending.put_back([item])
    assert [one.epoch for one in pending.take_all()] == [11]


def test_what_is_put_aside_can_be_forgotten_and_given_back() -> None:
    pending = PendingClaims()
    pending.add([claim("a"), claim("b")], 0.0, busy={"a", "b"})
    assert pending.discard("a")
    assert not pending.discard("a")
    assert [one.instance.id for one in pending.take_all()] == ["b"]
    assert len(pending) == 0
