"""Arrays and tables as values."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import numpy
import pandas
import polars
import pyarrow as arrow
import pytest

from bide.model.errors import NotSerializable
from bide.model.shown_values import shown_value
from bide.model.values import decode, encode


def back(value: Any) -> Any:
    return decode(encode(value, what="value"))


def test_arrays_of_numpy() -> None:
    for array in (
        numpy.arange(6).reshape(2, 3),
        numpy.array([1.5, numpy.nan], dtype="<f4"),
        numpy.array(["a", "bc"]),
        numpy.array([True, False]),
        numpy.array(["2026-01-02"], dtype="datetime64[D]"),
        numpy.zeros((0, 3)),
        numpy.arange(6).reshape(2, 3).T[::-1],
        numpy.array([(1, 2.5)], dtype=[("a", "<i4"), ("b", "<f8")]),
    ):
        found = back({"x": [array]})["x"][0]
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        numpy.testing.assert_array_equal(found, array)
        found[...] = found  # it may be changed
    stored = msgspec.json.decode(encode(numpy.array([1, 2], dtype="<i2"), what="value"))
    assert stored == {"__bide__": ["array", "numpy.ndarray", ["<i2", [2]], "AQACAA=="]}
    with pytest.raises(NotSerializable, match=r"value\['a'\] is a numpy.ndarray: its dtype has Python objects"):
        encode({"a": numpy.array([object()])}, what="value")


def test_numbers_of_numpy() -> None:
    for value in (numpy.int64(5), numpy.float32(1.5), numpy.bool_(True), numpy.datetime64("2026-01-02", "s")):
        found = back(value)
        assert found == value
        assert type(found) is type(value)
    assert shown_value(encode([numpy.arange(3)], what="value")) == ["<numpy.ndarray, 24 bytes>"]


def test_tables_of_pandas() -> None:
    frame = pandas.DataFrame(
        {"n": [1, 2], "t": ["a", None], "at": pandas.to_datetime(["2026-01-02", "2026-01-03"], utc=True)},
        index=pandas.Index([7, 8], name="id"),
    )
    pandas.testing.assert_frame_equal(back(frame), frame)
    series = pandas.Series([1.5, 2.5], name="x")
    pandas.testing.assert_series_equal(back(series), series)
    pandas.testing.assert_series_equal(back(pandas.Series([1])), pandas.Series([1]))
    assert back(pandas.Timestamp("2026-01-02T03:00Z")) == dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC)
    with pytest.raises(NotSerializable, match="it has what Arrow can't hold"):
        encode(pandas.DataFrame({"x": [object()]}), what="value")


def test_tables_of_polars() -> None:
    frame = polars.DataFrame({"n": [1, 2], "t": ["a", None], "d": [dt.date(2026, 1, 2), None]})
    assert back(frame).equals(frame)
    assert back(polars.Series("x", [1, 2])).equals(polars.Series("x", [1, 2]))


def test_tables_of_pyarrow() -> None:
    table = arrow.table({"n": [1, 2], "t": ["a", None]})
    assert back(table).equals(table)
