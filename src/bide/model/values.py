"""Values of users as bytes: XComs, arguments of triggers and resumed methods, payloads of events.

The form is JSON. What JSON has (None, booleans, numbers, strings, lists, objects with string keys) stays as it
is, so that other programs can read it; anything else is an object with the one key ``__bide__`` that names its
type::

    {"__bide__": ["datetime", "2026-01-01T12:00:00+01:00", "Europe/Zurich", 0]}

Nothing is unpickled. The types are those listed here, and arrays and tables (:mod:`bide.model.value_arrays`); of
users' classes (:mod:`bide.model.value_classes`) objects are only built in processes of users, by an allow-list.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import math
import uuid
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path, PurePath
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import msgspec

from bide.model.errors import NotSerializable, ProtocolError
from bide.model.sealed import refuse_sealed
from bide.model.value_arrays import array_form_of, rebuild_array
from bide.model.value_classes import form_of, rebuild
from bide.model.value_objects import fetch_object

_TAG: Final = "__bide__"
#: What JSON readers hold exactly; larger integers are written as text.
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1
#: Deeper nesting is refused: readers of JSON recurse.
MAX_DEPTH: Final = 200


def encode(value: object, *, what: str) -> bytes:
    """The stored form of `value`.

    Raises :class:`NotSerializable`, saying with `what` (``"XCom return_value"``) and a path which part can't be
    stored.
    """
    return msgspec.json.encode(_Encoder(what).plain(value, "", 0))


def decode(data: bytes) -> Any:
    """Read what :func:`encode` wrote.

    Raises :class:`KeyMissing` if the store could not open it, :class:`ValueRefused` for an object that must not, or
    can't, be built here, and :class:`ProtocolError` for anything else.
    """
    refuse_sealed(data)
    try:
        return _restore(msgspec.json.decode(data))
    except (msgspec.DecodeError, ValueError, TypeError, KeyError, IndexError) as error:
        raise ProtocolError(f"a stored value can't be read: {error}") from error


def encoded_mapping(items: Iterable[tuple[str | int, bytes]]) -> bytes:
    """What :func:`encode` writes for a dict, of keys as they are and values that are encoded already."""
    pairs = [(key, msgspec.Raw(value)) for key, value in items]
    if all(isinstance(key, str) and key != _TAG for key, _ in pairs):
        return msgspec.json.encode(dict(pairs))
    return msgspec.json.encode({_TAG: ["dict", pairs]})


class _Encoder:
    """Turns one value into what JSON has; knows the containers it is in, to find circles."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._open: set[int] = set()

    def plain(self, value: Any, path: str, depth: int) -> Any:
        if value is None or value is True or value is False:
            return value
        kind = cast("type[Any]", type(value))
        if kind is str:
            return _text(value)
        if kind is int:
            return _integer(value)
        if kind is float:
            return _real(value)
        if kind in _CONTAINERS:
            return self._container(value, kind, path, depth)
        return self._other(value, path, depth)

    def _container(self, value: Any, kind: type[Any], path: str, depth: int) -> Any:
        if id(value) in self._open:
            raise NotSerializable(f"{self._place(path)} contains itself, so it can't be stored")
        if depth >= MAX_DEPTH:
            raise NotSerializable(f"{self._place(path[:80])}... is nested more than {MAX_DEPTH} deep")
        self._open.add(id(value))
        try:
            if kind is dict:
                return self._mapping(value, path, depth)
            items = [self.plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
        finally:
            self._open.discard(id(value))
        if kind is list:
            return items
        if kind is not tuple:
            items.sort(key=msgspec.json.encode)
        return {_TAG: [kind.__name__, items]}

    def _mapping(self, value: dict[Any, Any], path: str, depth: int) -> Any:
        if _TAG not in value and all(type(key) is str and _is_unicode(key) for key in value):
            return {key: self.plain(item, f"{path}[{key!r}]", depth + 1) for key, item in value.items()}
        pairs = [
            [self.plain(key, f"{path} key {key!r}", depth + 1), self.plain(item, f"{path}[{key!r}]", depth + 1)]
            for key, item in value.items()
        ]
        return {_TAG: ["dict", pairs]}

    def _other(self, value: Any, path: str, depth: int) -> Any:
        for kind, write in _WRITERS:
            if isinstance(value, kind):
                return {_TAG: write(value)}
        if getattr(cast("type[Any]", type(value)), "is_stored_as_list", False):
            return self.plain(list(value), path, depth)
        form = self._form(value, path, depth)
        if form is not None:
            return {_TAG: form}
        # Subclasses arrive as their base: a StrEnum as str, a named tuple as tuple, an OrderedDict as dict.
        for base, convert in _BASES:
            if isinstance(value, base) and (not isinstance(value, Enum) or base in (str, int, float)):
                return self.plain(convert(value), path, depth)
        name = _type_name(cast("type[Any]", type(value)))
        raise NotSerializable(
            f"{self._place(path)} is {_article(name)} {name}, which can't be stored; "
            "pass something that names it (an id, a path, a dict) instead"
        )

    def _form(self, value: Any, path: str, depth: int) -> list[Any] | None:
        """What is stored of a table, an array, or an object of a user's class."""
        try:
            array = array_form_of(value)
            form = form_of(value) if array is None else None
        except NotSerializable as error:
            name = _type_name(cast("type[Any]", type(value)))
            raise NotSerializable(f"{self._place(path)} is {_article(name)} {name}: {error}") from None
        if array is not None:
            return ["array", *array]
        if form is None:
            return None
        if id(value) in self._open:
            raise NotSerializable(f"{self._place(path)} contains itself, so it can't be stored")
        self._open.add(id(value))
        try:
            return ["class", form.kind, form.name, form.version, self._content(form.content, path, depth)]
        finally:
            self._open.discard(id(value))

    def _content(self, content: Any, path: str, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            raise NotSerializable(f"{self._place(path[:80])}... is nested more than {MAX_DEPTH} deep")
        if type(content) is dict:
            fields = cast("dict[Any, Any]", content)
            if _TAG not in fields and all(type(name) is str and name.isidentifier() for name in fields):
                return {name: self.plain(item, f"{path}.{name}", depth + 1) for name, item in fields.items()}
        return self.plain(content, path, depth + 1)

    def _place(self, path: str) -> str:
        """The part of the value that a message is about."""
        return f"{self._what}{path}" if path else f"{self._what}: the value"


def _type_name(kind: type[Any]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _article(name: str) -> str:
    return "an" if name[0] in "aeiouAEIOU" else "a"


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: str) -> Any:
    if _is_unicode(value):
        return value
    # File names that are no UTF-8 come with lone surrogates.
    return {_TAG: ["str", base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()]}


def _integer(value: int) -> Any:
    return value if _INT_MIN <= value <= _INT_MAX else {_TAG: ["int", f"{value:x}"]}


def _real(value: float) -> Any:
    return value if math.isfinite(value) else {_TAG: ["float", str(value)]}


def _zone(value: dt.tzinfo | None) -> str | None:
    """The name of a zone with rules, or None for naive moments and fixed offsets (the offset is in the text)."""
    for attribute in ("key", "name"):  # zoneinfo and pendulum; pendulum's fixed offsets are named like "+01:00"
        name = getattr(value, attribute, None)
        if isinstance(name, str) and name and name[0] not in "+-":
            return name
    return None


def _write_datetime(value: dt.datetime) -> list[Any]:
    # The text has the offset for people and for the instant; zone and fold restore the same local time.
    text = dt.datetime.isoformat(value)
    if type(value).__module__.startswith("pendulum"):
        return ["pendulum", text, _zone(value.tzinfo), value.fold]
    return ["datetime", text, _zone(value.tzinfo), value.fold]


def _write_zone(value: dt.tzinfo) -> list[Any]:
    name = "UTC" if value is dt.UTC else _zone(value)
    if name is not None:
        return ["zone", name]
    offset = value.utcoffset(None)
    if offset is None:
        raise NotSerializable(f"{value!r} is a time zone without a name, which can't be stored")
    return ["offset", offset.total_seconds()]


def _write_timedelta(value: dt.timedelta) -> list[Any]:
    # pendulum's durations answer `days` without their months and years; the base class has the whole span.
    parts = (dt.timedelta.days, dt.timedelta.seconds, dt.timedelta.microseconds)
    return ["timedelta", *(cast("Any", part).__get__(value) for part in parts)]


_CONTAINERS: Final = frozenset({list, tuple, dict, set, frozenset})
_WRITERS: Final[tuple[tuple[type[Any], Callable[[Any], list[Any]]], ...]] = (
    (dt.datetime, _write_datetime),
    (dt.date, lambda value: ["date", dt.date.isoformat(value)]),
    (dt.time, lambda value: ["time", dt.time.isoformat(value), _zone(value.tzinfo), value.fold]),
    (dt.timedelta, _write_timedelta),
    (bytes, lambda value: ["bytes", base64.b64encode(value).decode()]),
    (bytearray, lambda value: ["bytearray", base64.b64encode(value).decode()]),
    (decimal.Decimal, lambda value: ["Decimal", str(value)]),
    (uuid.UUID, lambda value: ["UUID", str(value)]),
    (PurePath, lambda value: ["Path", str(value)]),
    (dt.tzinfo, _write_zone),
)
_BASES: Final[tuple[tuple[type[Any], Callable[[Any], Any]], ...]] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (tuple, tuple),
    (list, list),
    (dict, dict),
    (set, set),
    (frozenset, frozenset),
)


def _restore(value: Any) -> Any:
    if isinstance(value, list):
        return [_restore(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if _TAG in mapping:
            kind, *content = mapping[_TAG]
            return _READERS[kind](*content)
        return {key: _restore(item) for key, item in mapping.items()}
    return value


def _read_datetime(text: str, zone: str | None, fold: int) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if zone is None:
        return moment.replace(fold=fold)
    local = moment.replace(tzinfo=dt.UTC if zone == "UTC" else ZoneInfo(zone), fold=fold)
    # The rules of the zone may have changed since: then the instant counts, not the local time.
    return local if local.utcoffset() == moment.utcoffset() else moment.astimezone(local.tzinfo)


def _read_pendulum(text: str, zone: str | None, fold: int) -> dt.datetime:
    import pendulum  # slow to import, and only needed for values that came from it

    moment = _read_datetime(text, zone, fold)
    # pendulum takes a naive moment as UTC unless told that it has no zone.
    return pendulum.instance(moment, tz=moment.tzinfo)


def _read_time(text: str, zone: str | None, fold: int) -> dt.time:
    moment = dt.time.fromisoformat(text).replace(fold=fold)
    return moment if zone is None else moment.replace(tzinfo=dt.UTC if zone == "UTC" else ZoneInfo(zone))


def _read_zone(name: str) -> dt.tzinfo:
    return dt.UTC if name == "UTC" else ZoneInfo(name)


def _read_offset(seconds: float) -> dt.timezone:
    return dt.timezone(dt.timedelta(seconds=seconds))


def _read_class(kind: str, name: str, version: int, content: Any) -> Any:
    return rebuild(kind, name, version, _restore(content))


def _read_object(url: str, size: int) -> Any:
    return decode(fetch_object(url))


def _read_bytearray(text: str) -> bytearray:
    return bytearray(base64.b64decode(text))


def _read_text(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "surrogatepass")


def _read_integer(text: str) -> int:
    return int(text, 16)


def _read_tuple(items: list[Any]) -> tuple[Any, ...]:
    return tuple(_restore(items))


def _read_set(items: list[Any]) -> set[Any]:
    return set(_restore(items))


def _read_frozenset(items: list[Any]) -> frozenset[Any]:
    return frozenset(_restore(items))


def _read_dict(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    return {_restore(key): _restore(item) for key, item in pairs}


_READERS: Final[dict[str, Callable[..., Any]]] = {
    "datetime": _read_datetime,
    "pendulum": _read_pendulum,
    "date": dt.date.fromisoformat,
    "time": _read_time,
    "timedelta": dt.timedelta,
    "bytes": base64.b64decode,
    "bytearray": _read_bytearray,
    "Decimal": decimal.Decimal,
    "UUID": uuid.UUID,
    "Path": Path,
    "zone": _read_zone,
    "offset": _read_offset,
    "class": _read_class,
    "array": rebuild_array,
    "object": _read_object,
    "str": _read_text,
    "int": _read_integer,
    "float": float,
    "tuple": _read_tuple,
    "set": _read_set,
    "frozenset": _read_frozenset,
    "dict": _read_dict,
}
