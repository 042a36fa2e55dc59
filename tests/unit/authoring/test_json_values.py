"""JSON with values that JSON does not have."""

import datetime as dt
import io
import json

import pytest

from bide.authoring.json_values import XComDecoder, XComEncoder
from bide.model.errors import NotSerializable

VALUE = {"at": dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "ids": {1, 2}, "pair": (1, "a"), "plain": [None, 1.5]}


def test_a_value_comes_back_as_it_was():
    assert json.loads(json.dumps(VALUE, cls=XComEncoder), cls=XComDecoder) == VALUE


def test_files_do_as_well():
    file = io.StringIO()
    json.dump(VALUE, file, cls=XComEncoder)
    file.seek(0)
    assert json.load(file, cls=XComDecoder) == VALUE


def test_what_can_not_be_stored_is_refused():
    with pytest.raises(NotSerializable):
        json.dumps(object(), cls=XComEncoder)
