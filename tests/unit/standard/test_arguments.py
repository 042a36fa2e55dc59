"""Looking at arguments of operators."""

import pytest

from bide.authoring.not_given import NOTSET, SET_DURING_EXECUTION, is_arg_set
from bide.model.errors import InvalidId
from bide.standard.arguments import (
    as_flattened_list,
    at_most_one,
    chunks,
    convert_camel_to_snake,
    exactly_one,
    is_container,
    merge_dicts,
    prune_dict,
    to_boolean,
    validate_key,
)

NESTED = {"a": None, "b": {"c": None, "d": []}, "e": [{"x": None}], "f": "", "g": 0, "h": [None, 1]}


def test_none_goes_and_the_rest_stays():
    assert prune_dict(NESTED) == {"b": {"d": []}, "e": [{}], "f": "", "g": 0, "h": [1]}


def test_all_that_is_empty_goes_if_only_truth_counts():
    assert prune_dict(NESTED, mode="truthy") == {"h": [1]}


def test_a_wrong_mode_is_refused():
    with pytest.raises(ValueError, match="'strict' or 'truthy'"):
        prune_dict({}, mode="other")


def test_dicts_are_merged_and_the_second_wins():
    first = {"a": {"b": 1, "c": [1]}, "y": {"k": 1}}
    assert merge_dicts(first, {"a": {"c": [2]}, "y": 3, "z": 1}) == {"a": {"b": 1, "c": [2]}, "y": 3, "z": 1}
    assert first == {"a": {"b": 1, "c": [1]}, "y": {"k": 1}}


def test_a_list_is_cut():
    assert list(chunks([1, 2, 3], 2)) == [[1, 2], [3]]
    with pytest.raises(ValueError, match="at least 1, not 0"):
        list(chunks([1], 0))


@pytest.mark.parametrize(
    ("given", "one", "most_one"),
    [((1, None), True, True), ((1, 1), False, False), ((None, 0), False, True), ((NOTSET, "x"), True, True)],
)
def test_how_many_are_given(given, one, most_one):
    assert (exactly_one(*given), at_most_one(*given)) == (one, most_one)


def test_a_list_of_arguments_is_refused():
    with pytest.raises(ValueError, match="one by one"):
        exactly_one([1, None])


@pytest.mark.parametrize(("text", "flag"), [("T", True), (" yes ", True), ("0", False), (None, False)])
def test_words_for_yes(text, flag):
    assert to_boolean(text) is flag


def test_small_things():
    assert convert_camel_to_snake("LatestOnlyOperator") == "latest_only_operator"
    assert as_flattened_list([[1], (2, 3)]) == [1, 2, 3]
    assert is_container([1]) and not is_container("text")
    assert is_arg_set(None) and not is_arg_set(NOTSET) and not is_arg_set(SET_DURING_EXECUTION)


def test_keys_are_checked():
    validate_key("a.b-c")
    with pytest.raises(InvalidId, match="can't be a key id"):
        validate_key("a b")
    with pytest.raises(InvalidId, match="5 are the most"):
        validate_key("abcdef", max_length=5)
