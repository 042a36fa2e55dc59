"""Objects of users' classes, arrays and tables as values: what comes back, in which form, and who may build it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import socket
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pydantic
import pytest

from bide.authoring.value_policy import allowed_names, value_policy
from bide.model.errors import NotSerializable, ProtocolError, ValueRefused
from bide.model.shown_values import shown_value
from bide.model.value_classes import use_policy
from bide.model.values import decode, encode


class Colour(enum.Enum):
    RED = "red"
    MIXED = (1, 2)


class Flags(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass
class Inner:
    at: dt.datetime
    amount: Decimal


@dataclasses.dataclass(frozen=True)
class Order:
    name: str
    parts: tuple[Inner, ...]
    total: float = dataclasses.field(init=False, default=0.0)


class Row(NamedTuple):
    id: int
    when: dt.date


class Model(pydantic.BaseModel):
    name: str = pydantic.Field(alias="theName")
    inner: Inner
    colours: list[Colour] = []

    model_config = pydantic.ConfigDict(populate_by_name=True)


class Own:
    __version__: ClassVar[int] = 2

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and other.value == self.value

    __hash__ = None  # type: ignore[assignment]

    def serialize(self) -> dict[str, Any]:
        return {"value": self.value}

    @staticmethod
    def deserialize(data: dict[str, Any], version: int) -> Own:
        return Own([data["value"], version])


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    """Classes of this file are those of the project."""
    before = use_policy(value_policy([__file__.rpartition("/")[0]], []))
    yield
    use_policy(before)


INNER = Inner(dt.datetime(2026, 1, 2, tzinfo=dt.UTC), Decimal("1.50"))


def order() -> Order:
    made = Order("x", (INNER,))
    object.__setattr__(made, "total", 1.5)
    return made


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED,
        Colour.MIXED,
        Flags.A | Flags.B,
        INNER,
        order(),
        Row(1, dt.date(2026, 1, 2)),
        {"rows": [Row(1, dt.date(2026, 1, 2))], Colour.RED: {INNER.amount}},
        Model(theName="n", inner=INNER, colours=[Colour.RED]),
        Model(theName="n", inner=INNER),
        ZoneInfo("Europe/Zurich"),
        dt.UTC,
        dt.timezone(dt.timedelta(hours=5, minutes=30)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_stored_comes_back_the_same(value: Any) -> None:
    back = decode(encode(value, what="value"))
    assert back == value
    assert type(back) is type(value)


def test_what_a_model_was_not_given_is_not_stored() -> None:
    assert decode(encode(Model(theName="n", inner=INNER), what="value")).model_fields_set == {"name", "inner"}


def test_a_class_may_say_itself_what_is_stored() -> None:
    assert decode(encode(Own(5), what="value")) == Own([5, 2])


GOLDEN = [
    (Colour.RED, ["class", "enum", "{}:Colour", 1, "red"]),
    (Row(1, dt.date(2026, 1, 2)), ["class", "namedtuple", "{}:Row", 1, [1, {"__bide__": ["date", "2026-01-02"]}]]),
    (Own("v"), ["class", "own", "{}:Own", 2, {"value": "v"}]),
    (
        INNER,
        [
            "class", "dataclass", "{}:Inner", 1,
            {
                "at": {"__bide__": ["datetime", "2026-01-02T00:00:00+00:00", None, 0]},
                "amount": {"__bide__": ["Decimal", "1.50"]},
            },
        ],
    ),
    (dt.UTC, ["zone", "UTC"]),
    (ZoneInfo("Europe/Zurich"), ["zone", "Europe/Zurich"]),
    (dt.timezone(dt.timedelta(hours=1)), ["offset", 3600.0]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "stored"), GOLDEN, ids=lambda one: type(one).__name__)
def test_the_stored_form_never_changes(value: Any, stored: list[Any]) -> None:
    """What an earlier version has written must be read for ever."""
    stored = [part.format(__name__) if isinstance(part, str) else part for part in stored]
    assert msgspec.json.decode(encode(value, what="value")) == {"__bide__": stored}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"order": [Own(socket)]}, "value['order'][0].value is a module, which can't be stored"),
        (Order("x", (Inner(print, Decimal(1)),)), "value.parts[0].at is a builtin_function_or_method"),  # type: ignore[arg-type]
        (Order, "the value is a type, which can't be stored"),
    ],
)
def test_refusals_name_the_part(value: Any, words: str) -> None:
    with pytest.raises(NotSerializable) as caught:
        encode(value, what="value")
    assert words in str(caught.value)


def test_an_object_that_contains_itself_is_refused() -> None:
    loop = Own(None)
    loop.value = [loop]
    with pytest.raises(NotSerializable, match=r"value.value\[0\] contains itself"):
        encode(loop, what="value")


def test_a_class_inside_of_a_function_is_refused() -> None:
    @dataclasses.dataclass
    class Local:
        x: int

    with pytest.raises(NotSerializable, match="is defined inside of a function, where nobody finds it again"):
        encode([Local(1)], what="value")


def test_only_allowed_classes_are_stored_and_built() -> None:
    data = encode(INNER, what="value")
    use_policy(value_policy(["/nowhere"], []))
    with pytest.raises(NotSerializable) as caught:
        encode({"a": INNER}, what="return value")
    assert str(caught.value).startswith(
        f"return value['a'] is a {__name__}.Inner: objects of {__name__}.Inner are neither"
    )
    assert "add '" + __name__ + ".Inner' to [core] allowed_deserialization_classes" in str(caught.value)
    with pytest.raises(ValueRefused, match="allowed_deserialization_classes"):
        decode(data)
    assert decode(encode(Row(1, dt.date(2026, 1, 2)), what="value")) == (1, dt.date(2026, 1, 2)), "a tuple, as ever"
    use_policy(value_policy([], allowed_names(f"other.*, {__name__}.In*")))
    assert decode(encode(INNER, what="value")) == INNER
    use_policy(None)
    with pytest.raises(ValueRefused, match="only built in processes that run tasks"):
        decode(data)
    with pytest.raises(NotSerializable, match=r"is a .*Inner, which can't be stored"):
        encode(INNER, what="value")


def test_no_module_is_imported_that_is_not_allowed() -> None:
    import sys

    sys.modules.pop("antigravity", None)
    for name in ("antigravity:fly", "os:system", "no.such.module:X"):
        data = msgspec.json.encode({"__bide__": ["class", "dataclass", name, 1, {}]})
        with pytest.raises(ValueRefused):
            decode(data)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (["class", "dataclass", f"{__name__}:Gone", 1, {}], "isn't here: "),
        (["class", "dataclass", f"{__name__}:INNER", 1, {}], "is no class"),
        (
            ["class", "dataclass", f"{__name__}:Inner", 1, {"nonsense": 1}],
            "can't be built from what was stored: TypeError",
        ),
        (["class", "future", f"{__name__}:Inner", 1, {}], "was stored as 'future', which this version"),
        (["array", "future", [], ""], "was stored as 'future', which this version"),
    ],
)
def test_what_can_not_be_built_says_why(stored: list[Any], said: str) -> None:
    with pytest.raises(ValueRefused, match=said):
        decode(msgspec.json.encode({"__bide__": stored}))


def test_data_that_is_no_value_is_refused() -> None:
    with pytest.raises(ProtocolError):
        decode(b'{"__bide__":["class"]}')


def test_people_see_fields_and_sizes() -> None:
    value = {"order": order(), "row": Row(1, dt.date(2026, 1, 2)), "t": (1, {2: {3}}), "c": Colour.RED}
    data = encode(value, what="value")
    use_policy(None)
    assert shown_value(data) == {
        "order": {"name": "x", "parts": [{"at": "2026-01-02T00:00:00Z", "amount": "1.50"}], "total": 1.5},
        "row": [1, "2026-01-02"],
        "t": [1, {"2": [3]}],
        "c": "red",
    }


def test_the_setting_may_be_a_list_or_words() -> None:
    assert (
        allowed_names('["a.*", "b.C"]') == allowed_names("a.* b.C") == allowed_names("a.*, b.C") == ["a.*", "b.C"]
    )
    assert allowed_names(None) == []
