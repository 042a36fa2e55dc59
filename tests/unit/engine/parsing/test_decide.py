"""Which files are parsed, and how soon again."""

from __future__ import annotations

from bide.engine.parsing.decide import Known, decide
from bide.engine.parsing.pace import Pace

KNOWN = {"a.py": Known({"a.py": (1, 10), "helper.py": (1, 5)}), "b.py": Known({"b.py": (1, 20)})}
SEEN = {"a.py": (1, 10), "helper.py": (1, 5), "b.py": (1, 20)}


def test_nothing_changed_means_nothing_to_do():
    assert decide(KNOWN, ["a.py", "b.py"], SEEN) == ([], [])


def test_new_files_are_parsed_in_order():
    assert decide({}, ["b.py", "a.py"], {}).to_parse == ["a.py", "b.py"]


def test_a_changed_input_parses_all_that_read_it():
    assert decide(KNOWN, ["a.py", "b.py"], SEEN | {"helper.py": (2, 5)}).to_parse == ["a.py"]
    assert decide(KNOWN, ["a.py", "b.py"], SEEN | {"helper.py": (1, 6)}).to_parse == ["a.py"]
    assert decide(KNOWN, ["a.py", "b.py"], SEEN | {"helper.py": None}).to_parse == ["a.py"]


def test_a_file_that_is_not_listed_is_removed():
    assert decide(KNOWN, ["b.py"], SEEN) == ([], ["a.py"])


def test_a_new_file_may_be_what_a_failed_one_missed():
    known = KNOWN | {"b.py": Known({"b.py": (1, 20)}, failed=True)}
    assert decide(known, ["a.py", "b.py"], SEEN, appeared=True).to_parse == ["b.py"]
    assert decide(known, ["a.py", "b.py"], SEEN).to_parse == []


def test_an_input_that_was_missing_and_still_is_changes_nothing():
    known = {"a.py": Known({"a.py": None}, failed=True)}
    assert decide(known, ["a.py"], {"a.py": None}).to_parse == []
    assert decide(known, ["a.py"], {"a.py": (1, 1)}).to_parse == ["a.py"]


def test_changes_by_hand_are_seen_at_once():
    pace = Pace()
    for moment in (0.0, 1.0, 10.0, 100.0):
        pace = pace.parsed(moment, moment + 0.1)
        assert pace.pause == 0.0


def test_a_file_that_changes_its_own_inputs_is_parsed_less_and_less_often():
    pace, moment, pauses = Pace(), 0.0, []
    for _ in range(14):
        moment = max(moment, pace.ended + pace.pause)
        pace = pace.parsed(moment, moment + 0.1)
        pauses.append(pace.pause)
    assert pauses[0] == 0.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30.0


def test_a_calm_file_is_seen_at_once_again():
    pace = Pace(number=10, ended=0.0)
    assert pace.pause > 0
    assert pace.parsed(1000.0, 1000.1).pause == 0.0
