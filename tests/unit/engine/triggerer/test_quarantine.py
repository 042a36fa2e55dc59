"""Which trigger classes are kept apart because they block event loops (K05)."""

from __future__ import annotations

from bide.engine.triggerer.quarantine import Quarantine, TriggerClass, is_quarantine
from bide.engine.triggerer.suspicion import NO_GROUP

BLOCKS = TriggerClass("jobs.Blocks", "/dags")


def test_k05_one_long_block_is_enough() -> None:
    quarantine = Quarantine(at_once=2.0)
    assert not quarantine.note_block(BLOCKS, 1.9, 0.0)
    assert quarantine.group_of(BLOCKS, 0.0) == NO_GROUP
    assert quarantine.note_block(BLOCKS, 2.0, 1.0)
    assert is_quarantine(quarantine.group_of(BLOCKS, 1.0))
    assert not quarantine.note_block(BLOCKS, 2.0, 2.0), "it is there already"
    assert quarantine.classes() == [BLOCKS]
    assert quarantine.group_of(TriggerClass("jobs.Blocks", "/other"), 1.0) == NO_GROUP


def test_k05_short_blocks_count_if_they_are_many_and_long_together() -> None:
    quarantine = Quarantine(at_once=2.0)
    assert not any(quarantine.note_block(BLOCKS, 0.3, float(at)) for at in range(16))
    assert quarantine.note_block(BLOCKS, 0.3, 16.0), "17 x 0.3 s"
    other = Quarantine(at_once=10.0)
    assert not other.note_block(BLOCKS, 4.0, 0.0)
    assert not other.note_block(BLOCKS, 4.0, 1.0), "two may be chance"
    assert other.note_block(BLOCKS, 0.3, 2.0)


def test_k05_blocks_of_long_ago_do_not_count() -> None:
    quarantine = Quarantine(at_once=2.0)
    assert not any(quarantine.note_block(BLOCKS, 1.9, 601.0 * number) for number in range(10))


def test_k05_a_class_whose_code_has_changed_is_let_out() -> None:
    stamps = {"/dags/jobs.py": (1, 10)}
    quarantine = Quarantine(at_once=2.0, read_stamp=stamps.get)
    quarantine.note_block(BLOCKS, 3.0, 0.0, source="/dags/jobs.py", stamp=(1, 10))
    assert is_quarantine(quarantine.group_of(BLOCKS, 10.0))
    stamps["/dags/jobs.py"] = (2, 11)
    assert is_quarantine(quarantine.group_of(BLOCKS, 10.1)), "the file is not looked at for each wait"
    assert quarantine.group_of(BLOCKS, 20.0) == NO_GROUP
    assert quarantine.note_block(BLOCKS, 3.0, 21.0), "it is no better"


def test_k05_after_an_hour_a_class_gets_another_chance() -> None:
    quarantine = Quarantine(at_once=2.0)
    quarantine.note_block(BLOCKS, 3.0, 0.0)
    assert is_quarantine(quarantine.group_of(BLOCKS, 3599.0))
    assert quarantine.group_of(BLOCKS, 3600.0) == NO_GROUP


def test_k05_so_many_classes_as_there_may_be_have_a_few_processes() -> None:
    quarantine = Quarantine(at_once=2.0)
    classes = [TriggerClass(f"jobs.Blocks{number}", "/dags") for number in range(10)]
    for cls in classes:
        quarantine.note_block(cls, 3.0, 0.0)
    groups = [quarantine.group_of(cls, 0.0) for cls in classes]
    assert len(set(groups)) == 4
    assert all(is_quarantine(group) for group in groups)
