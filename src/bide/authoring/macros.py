"""``macros`` in templates: modules and functions to work with dates and values."""

from __future__ import annotations

import datetime as _datetime
import importlib as _importlib
import json as json
import random as _random
import time as time
import uuid as uuid
from datetime import timedelta as timedelta
from typing import TYPE_CHECKING, Any, cast

from bide.authoring.plugins import load_plugins

if TYPE_CHECKING:
    import dateutil as dateutil

datetime = _datetime.datetime
random = _random.random


def ds_add(ds: str, days: int) -> str:
    """The date `days` after the date `ds` (both ``YYYY-MM-DD``)."""
    if not days:
        return str(ds)
    return (_datetime.datetime.strptime(str(ds), "%Y-%m-%d") + timedelta(days=days)).strftime("%Y-%m-%d")


def ds_format(ds: str, input_format: str, output_format: str) -> str:
    """The date text `ds` in another format of :func:`datetime.datetime.strftime`."""
    return _datetime.datetime.strptime(str(ds), input_format).strftime(output_format)


def datetime_diff_for_humans(dt: Any, since: Any = None) -> str:
    """The span from `dt` to `since` (now, if None) in words, like ``5 days ago``."""
    import pendulum

    moment = cast("Any", pendulum.instance(dt))
    return moment.diff_for_humans(None if since is None else pendulum.instance(since))


def random_int(low: int, high: int) -> int:
    """A random integer from `low` to `high`, both included."""
    return _random.randint(low, high)


def __getattr__(name: str) -> Any:
    if name == "dateutil":
        _importlib.import_module("dateutil.parser")
        _importlib.import_module("dateutil.relativedelta")
        return _importlib.import_module("dateutil")
    if name.startswith("__"):
        raise AttributeError(name)
    found = load_plugins().macros
    if name in found:
        return found[name]
    plugins = f"; plugins bring {', '.join(sorted(found))}" if found else ""
    raise AttributeError(f"macros has no {name!r}{plugins}")
