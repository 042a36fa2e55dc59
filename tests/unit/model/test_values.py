"""Values of users: what round-trips, what its stored form is, and what is refused with which words."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import socket
import uuid
from collections import OrderedDict, namedtuple
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.model.errors import NotSerializable, ProtocolError
from bide.model.values import MAX_DEPTH, decode, encode

ZONES = st.sampled_from(
    [None, dt.UTC, ZoneInfo("Europe/Zurich"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]
)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
HASHABLE: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**60, max_value=2**200),
    st.floats(allow_nan=False),
    st.text(st.characters()),
    st.binary(max_size=20),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.datetimes(timezones=st.one_of(ZONES, OFFSETS), allow_imaginary=True),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.builds(Path, st.from_regex(r"[a-z./]{1,10}", fullmatch=True)),
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.dictionaries(st.sampled_from(["__bide__", "a", "b.c"]), inner, max_size=3),
        st.sets(HASHABLE, max_size=4),
        st.frozensets(HASHABLE, max_size=4),
    ),
    max_leaves=12,
)


def same(left: Any, right: Any) -> bool:
    """Equality that also compares types and, for moments, zones and offsets."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, dt.datetime):
        return left.isoformat() == right.isoformat() and left.fold == right.fold and left.tzname() == right.tzname()
    return left == right


@given(VALUES)
def test_what_is_stored_comes_back_the_same(value: Any) -> None:
    assert same(decode(encode(value, what="value")), value)


@given(
    st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(), st.lists, max_leaves=8)
)
def test_plain_values_stay_plain_json(value: Any) -> None:
    assert msgspec.json.decode(encode({"k": value}, what="value")) == {"k": value}


GOLDEN = [
    (None, b"null"),
    ({"rows": [1, 2.5, "x", True]}, b'{"rows":[1,2.5,"x",true]}'),
    ((1, 2), b'{"__bide__":["tuple",[1,2]]}'),
    ({3, 1, 2}, b'{"__bide__":["set",[1,2,3]]}'),
    (frozenset({"b", "a"}), b'{"__bide__":["frozenset",["a","b"]]}'),
    ({1: "a"}, b'{"__bide__":["dict",[[1,"a"]]]}'),
    ({"__bide__": 1}, b'{"__bide__":["dict",[["__bide__",1]]]}'),
    (2**64, b'{"__bide__":["int","10000000000000000"]}'),
    (math.inf, b'{"__bide__":["float","inf"]}'),
    (b"\x00\xff", b'{"__bide__":["bytes","AP8="]}'),
    (bytearray(b"a"), b'{"__bide__":["bytearray","YQ=="]}'),
    ("\udc80", b'{"__bide__":["str","7bKA"]}'),
    (dt.datetime(2026, 1, 2, 3, 4, 5, 6), b'{"__bide__":["datetime","2026-01-02T03:04:05.000006",null,0]}'),
    (
        dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Zurich")),
        b'{"__bide__":["datetime","2026-10-25T02:30:00+01:00","Europe/Zurich",1]}',
    ),
    (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), b'{"__bide__":["datetime","2026-01-02T00:00:00+00:00",null,0]}'),
    (dt.date(2026, 1, 2), b'{"__bide__":["date","2026-01-02"]}'),
    (dt.time(1, 2, 3), b'{"__bide__":["time","01:02:03",null,0]}'),
    (dt.timedelta(days=-1, seconds=2), b'{"__bide__":["timedelta",-1,2,0]}'),
    (decimal.Decimal("1.50"), b'{"__bide__":["Decimal","1.50"]}'),
    (uuid.UUID(int=5), b'{"__bide__":["UUID","00000000-0000-0000-0000-000000000005"]}'),
    (Path("a/b"), b'{"__bide__":["Path","a/b"]}'),
]


@pytest.mark.parametrize(("value", "stored"), GOLDEN, ids=[stored.decode()[:40] for _, stored in GOLDEN])
def test_the_stored_form_never_changes(value: Any, stored: bytes) -> None:
    """What an earlier version has written must be read for ever."""
    assert encode(value, what="value") == stored
    assert same(decode(stored), value)


def test_nan_comes_back() -> None:
    assert math.isnan(decode(encode(math.nan, what="value")))


@pytest.mark.parametrize(
    "moment",
    [
        pendulum.datetime(2026, 1, 2, 3, tz="Europe/Paris"),
        pendulum.datetime(2026, 1, 2, 3, tz="UTC"),
        pendulum.parse("2026-01-02T03:00:00+05:30"),
        pendulum.naive(2026, 1, 2),
    ],
    ids=str,
)
def test_pendulum_moments_come_back_as_such(moment: Any) -> None:
    back = decode(encode(moment, what="value"))
    assert type(back) is type(moment)
    assert back == moment
    assert back.isoformat() == moment.isoformat()


def test_a_pendulum_duration_is_stored_as_its_whole_span() -> None:
    duration = pendulum.duration(months=1, days=2, hours=3)
    assert decode(encode(duration, what="value")) == dt.timedelta(days=32, hours=3)


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Plain(enum.Enum):
    ONE = 1


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "back"),
    [(Colour.RED, "red"), (Level.HIGH, 3), (Point(1, 2), (1, 2)), (OrderedDict(a=1), {"a": 1})],
)
def test_subclasses_come_back_as_their_base(value: Any, back: Any) -> None:
    assert same(decode(encode(value, what="value")), back)


def test_the_instant_wins_where_the_rules_of_a_zone_have_changed() -> None:
    stored = b'{"__bide__":["datetime","2026-07-01T12:00:00+05:00","Europe/Zurich",0]}'
    back = decode(stored)
    assert back == dt.datetime(2026, 7, 1, 7, tzinfo=dt.UTC)
    assert back.tzinfo == ZoneInfo("Europe/Zurich")


def test_what_cannot_be_stored_is_named_by_its_path() -> None:
    with socket.socket() as client, pytest.raises(NotSerializable) as caught:
        encode({"rows": [1, 2, 3, {"client": client}]}, what="return value")
    assert str(caught.value) == (
        "return value['rows'][3]['client'] is a socket.socket, which can't be stored; "
        "pass something that names it (an id, a path, a dict) instead"
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "the value is an object, which"),
        ({"odd key!": object()}, "['odd key!'] is an object"),
        ((1, object()), "[1] is an object"),
        ({object(): 1}, "is an object"),
        (lambda: None, "is a function"),
        ({"a": {1: [print]}}, "value['a'][1][0] is a "),
        (ValueError("x"), "is a ValueError"),
        ({"a": {1, 2}, "b": [print]}, "['b'][0] is a builtin_function_or_method"),
    ],
)
def test_refusals_name_the_part(value: Any, words: str) -> None:
    with pytest.raises(NotSerializable) as caught:
        encode(value, what="value")
    assert words in str(caught.value)


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = [1]
    loop.append({"again": loop})
    with pytest.raises(NotSerializable, match=r"value\[1\]\['again'\] contains itself"):
        encode(loop, what="value")


def test_one_object_in_two_places_is_no_circle() -> None:
    shared = [1]
    assert decode(encode([shared, shared], what="value")) == [[1], [1]]


def test_bottomless_nesting_is_refused() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH + 5):
        value = [value]
    with pytest.raises(NotSerializable, match="nested more than"):
        encode(value, what="value")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"__bide__":["os.system","x"]}',
        b'{"__bide__":["date","nonsense"]}',
        b'{"__bide__":[]}',
        b"\xff",
    ],
)
def test_data_that_is_no_value_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="can't be read"):
        decode(data)
