"""Stored values as people see them."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

from bide.model.shown_values import shown_value
from bide.model.storable_text import is_storable, storable
from bide.model.values import encode

HALF = "half a pair: \ud800"


@pytest.mark.parametrize("text", ["", "plain", "naïve 🙂\n\t\x1b[31m"])
def test_most_texts_are_kept_as_they_are(text: str) -> None:
    assert is_storable(text) and storable(text) == text


@pytest.mark.parametrize(("text", "kept"), [("a\0b", "a\\x00b"), (HALF, "half a pair: \\ud800")])
def test_what_no_database_takes_is_written_out(text: str, kept: str) -> None:
    assert not is_storable(text) and storable(text) == kept


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [1, None, "x"]}, {"a": [1, None, "x"]}),
        (10**400, 10**400),
        (math.nan, None),
        ({1: "one", None: "none", (1, 2): "pair"}, {"1": "one", "None": "none", "(1, 2)": "pair"}),
        ((1, {2}, b"\xff"), [1, [2], "/w=="]),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "2026-01-01T00:00:00Z"),
        (HALF, "half a pair: \\ud800"),
        (
            {HALF: [(HALF, 1), dt.date(2026, 1, 1)]},
            {"half a pair: \\ud800": [["half a pair: \\ud800", 1], "2026-01-01"]},
        ),
    ],
)
def test_whatever_can_be_stored_can_be_shown(value: Any, shown: Any) -> None:
    assert shown_value(encode(value, what="value")) == shown
